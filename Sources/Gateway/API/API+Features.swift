internal import Configuration
internal import Delivery
internal import HTTPServer
internal import PromQL
internal import TimeSeries

/// What this server can do, under the names that Prometheus gives to it. What is not listed is not there.
extension API {
  func features() -> Response {
    let promQL = queryRunner.options.features
    let isExtended = promQL.contains(.extendedRangeSelectors)
    let fills = promQL.contains(.binopFillModifiers)
    let experiments = promQL.contains(.experimentalFunctions)
    var operators = ["@": true, "=~": true, "!~": true]
    for each in BinaryOperator.allCases { operators[each.rawValue] = true }
    for each in AggregationOperator.allCases { operators[each.rawValue] = !each.isExperimental || experiments }
    let functions = Function.all.map { ($0.name.rawValue, !$0.isExperimental || experiments) }
    return write([
      (
        "api",
        [
          "admin": configuration.web.enableAdminAPI, "exclude_alerts": true, "label_values_match": true,
          "lifecycle": configuration.web.enableLifecycle, "openapi_3.1": true, "otlp_write_receiver": false,
          "query_stats": true,
          "query_warnings": true, "remote_write_receiver": delivery.takesRemoteWrites, "time_range_labels": true,
          "time_range_series": true,
        ]
      ),
      (
        "promql",
        [
          "anchored": isExtended, "at_modifier": true, "bool": true, "by": true,
          "duration_expr": promQL.contains(.durationExpressions), "fill": fills, "fill_left": fills,
          "fill_right": fills, "group_left": true, "group_right": true, "ignoring": true, "negative_offset": true,
          "offset": true, "on": true, "per_query_lookback_delta": true,
          "per_step_stats": queryRunner.options.countsSamplesPerStep, "smoothed": isExtended, "subqueries": true,
          "without": true,
        ]
      ),
      ("promql_functions", Dictionary(uniqueKeysWithValues: functions)),
      ("promql_operators", operators),
      ("tsdb", ["exemplar_storage": false, "native_histograms": false]),
    ])
  }

  private func write(_ categories: [(name: String, features: [String: Bool])]) -> Response {
    Answer.success { writer in
      writer.append("{")
      for category in categories {
        writer.member(category.name)
        writer.append("{")
        for (name, isThere) in category.features.sorted(by: { $0.key < $1.key }) {
          writer.member(name, isThere)
        }
        writer.append("}")
      }
      writer.append("}")
    }
  }
}
