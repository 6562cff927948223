import Foundation
import Testing
import Yams

/// The description of the HTTP side as a document; that the program answers accordingly is tested with the gateway.
@Suite struct OpenAPITests {
  static func document() throws -> Node {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../openapi.yaml").standardized
    return try #require(try Yams.compose(yaml: String(contentsOf: file, encoding: .utf8)))
  }

  @Test func `every path is described`() throws {
    let document = try OpenAPITests.document()
    let paths = document["paths"]?.mapping?.keys.compactMap(\.string) ?? []
    #expect(
      Set(paths) == [
        "/metrics", "/federate", "/api/v1/samples", "/api/v1/samples/stream", "/api/v1/series", "/api/v1/labels",
        "/api/v1/label/{name}/values",
        "/api/v1/metadata", "/api/v1/status/buildinfo", "/api/v1/status/runtimeinfo", "/api/v1/status/tsdb",
        "/api/v1/status/flags", "/api/v1/status/config", "/api/v1/status/kafka", "/api/v1/status/dead_letters",
        "/api/v1/status/buffer", "/page/{file}",
        "/api/v1/query", "/api/v1/query_range", "/api/v1/format_query", "/api/v1/query_exemplars",
        "/api/v1/read",
        "/api/v1/parse_query", "/api/v1/targets", "/api/v1/targets/metadata", "/api/v1/targets/relabel_steps",
        "/api/v1/scrape_pools", "/api/v1/scrape_pools/config", "/api/v1/rules", "/api/v1/alerts",
        "/api/v1/alertmanagers", "/api/v1/features", "/api/v1/notifications", "/api/v1/notifications/live",
        "/api/v1/status/walreplay", "/api/v1/status/tsdb/blocks", "/api/v1/status/self_metrics",
        "/api/v1/admin/tsdb/delete_series", "/api/v1/admin/tsdb/clean_tombstones", "/api/v1/admin/tsdb/snapshot",
        "/api/v1/write", "/api/v1/write/{task}", "/api/v1/delivery/tasks", "/api/v1/delivery/tasks/{name}",
        "/api/v1/delivery/tasks/{name}/start", "/api/v1/delivery/tasks/{name}/stop", "/api/v1/delivery/dry_run",
        "/-/reload", "/-/healthy", "/-/ready", "/healthz", "/livez", "/readyz", "/", "/version", "/openapi.yaml",
        "/api/v1/openapi.yaml",
      ])
  }

  @Test func `every reference leads somewhere`() throws {
    let document = try OpenAPITests.document()
    var references: Set<String> = []
    OpenAPITests.walk(document) { node in
      if let target = node["$ref"]?.string { references.insert(target) }
    }
    #expect(references.count > 10)
    for reference in references {
      let target = reference.split(separator: "/").dropFirst().reduce(document as Node?) { node, key in
        node?[String(key)]
      }
      #expect(reference.hasPrefix("#/") && target != nil, "\(reference)")
    }
  }

  @Test func `every component is used`() throws {
    let document = try OpenAPITests.document()
    var references: Set<String> = []
    OpenAPITests.walk(document) { node in
      if let target = node["$ref"]?.string { references.insert(target) }
    }
    // Lines of NDJSON have no place where OpenAPI 3.1 could refer to their schema.
    references.insert("#/components/schemas/SampleLine")
    for alternative in document["security"]?.sequence ?? [] {
      for (scheme, _) in alternative.mapping ?? [:] {
        references.insert("#/components/securitySchemes/\(scheme.string ?? "")")
      }
    }
    for (kind, members) in document["components"]?.mapping ?? [:] {
      for (name, _) in members.mapping ?? [:] {
        let reference = "#/components/\(kind.string ?? "")/\(name.string ?? "")"
        #expect(references.contains(reference), "\(reference)")
      }
    }
  }

  @Test func `every operation has a name of its own, a summary and an answer`() throws {
    let refused = ["/api/v1/admin/tsdb/snapshot"]
    let document = try OpenAPITests.document()
    var names: [String] = []
    for (path, operations) in document["paths"]?.mapping ?? [:] {
      for (method, operation) in operations.mapping ?? [:] {
        let place = "\(method.string ?? "") \(path.string ?? "")"
        names.append(operation["operationId"]?.string ?? "")
        #expect(operation["summary"]?.string?.isEmpty == false, "\(place)")
        let statuses = operation["responses"]?.mapping?.keys.compactMap(\.string) ?? []
        let isGood = statuses.contains { $0.hasPrefix("2") }
        // Some have no other answer than that there is nothing of the kind.
        #expect(isGood || refused.contains(path.string ?? ""), "\(place)")
      }
    }
    #expect(names.count >= 20 && Set(names).count == names.count && !names.contains(""))
  }

  private static func walk(_ node: Node, _ visit: (Node) -> Void) {
    visit(node)
    switch node {
    case .mapping(let pairs): for (_, value) in pairs { walk(value, visit) }
    case .sequence(let elements): for element in elements { walk(element, visit) }
    case .scalar, .alias: break
    }
  }
}
