internal import CMicroHTTPD
internal import CZlib
