internal import TimeSeries
