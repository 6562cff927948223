// swift-tools-version: 6.2
import PackageDescription

// The order of the targets is the order of the house (Sources/README.md): C modules, the types that own their
// handles, the domain, the edges, the executables. Arrows never turn back.

let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "promring",
  products: [
    .executable(name: "promring", targets: ["promring"]),
    .executable(name: "PromringBenchmarks", targets: ["PromringBenchmarks"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CRdKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
    .systemLibrary(name: "CSnappy", pkgConfig: "snappy", providers: [.apt(["libsnappy-dev"])]),
    .systemLibrary(name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
    .systemLibrary(name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
    .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CPrefetch"),
    .systemLibrary(name: "CPrctl"),
    // RE2 and <charconv> are C++: each gets a shim that C (and so Swift) can call.
    .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),
    .target(name: "CCharConv"),
    // Files as bytes, which C can do in no time.
    .target(name: "CEmbedded"),
    // For the benchmarks alone: one counts allocations, the other is what the decode path is compared with.
    .target(name: "CAllocationCount"),
    .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),

    .target(name: "TimeSeries", dependencies: ["CRE2", "CCharConv"], swiftSettings: strict),
    .target(name: "Wire", dependencies: ["TimeSeries", "CSnappy"], swiftSettings: strict),
    .target(name: "SampleBuffer", dependencies: ["TimeSeries", "CPrefetch"], swiftSettings: strict),
    .target(name: "PromQL", dependencies: ["TimeSeries"], swiftSettings: strict),
    .target(name: "KafkaClient", dependencies: ["CRdKafka"], swiftSettings: strict),
    .target(
      name: "HTTPServer", dependencies: ["CMicroHTTPD", "CZlib", "CGnuTLS", "CCrypt"], swiftSettings: strict),
    .target(name: "Scrape", dependencies: ["TimeSeries", "Wire", "CCurl"], swiftSettings: strict),
    // What the commands that ask a running gateway ask with.
    .target(name: "APIClient", dependencies: ["TimeSeries", "CCurl"], swiftSettings: strict),
    // Settings as plain values and the table of their names: below the edges, as the gateway shows them over HTTP.
    .target(name: "Configuration", dependencies: ["TimeSeries"], swiftSettings: strict),
    .target(name: "Page", dependencies: ["CEmbedded"], exclude: ["site"], swiftSettings: strict),
    // The write side. It knows no HTTP: the API hands requests over and waits for the verdict.
    .target(
      name: "Delivery",
      dependencies: [
        "TimeSeries", "Wire", "KafkaClient", "Scrape", "Configuration",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .target(
      name: "Gateway",
      dependencies: [
        "TimeSeries", "Wire", "SampleBuffer", "PromQL", "KafkaClient", "HTTPServer", "Scrape", "Configuration",
        "Delivery", "Page", "CMalloc", .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .target(name: "Description", dependencies: ["CEmbedded"], swiftSettings: strict),
    .executableTarget(
      name: "promring",
      dependencies: [
        "TimeSeries", "Wire", "SampleBuffer", "PromQL", "KafkaClient", "HTTPServer", "Configuration", "Gateway",
        "APIClient", "Description", "CMalloc", "CPrctl",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "PromringBenchmarks",
      dependencies: [
        "TimeSeries", "Wire", "SampleBuffer", "PromQL", "KafkaClient", "Configuration", "Delivery", "Gateway",
        "CAllocationCount", "CSimdjson", .product(name: "Logging", package: "swift-log"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    .testTarget(name: "TimeSeriesTests", dependencies: ["TimeSeries"], swiftSettings: strict),
    .testTarget(
      name: "WireTests", dependencies: ["Wire", "TimeSeries"], exclude: ["pages"], swiftSettings: strict),
    .testTarget(name: "SampleBufferTests", dependencies: ["SampleBuffer", "TimeSeries"], swiftSettings: strict),
    .testTarget(
      name: "PromQLTests", dependencies: ["PromQL", "TimeSeries"], exclude: ["scripts"], swiftSettings: strict),
    .testTarget(name: "KafkaClientTests", dependencies: ["KafkaClient"], swiftSettings: strict),
    .testTarget(name: "HTTPServerTests", dependencies: ["HTTPServer"], swiftSettings: strict),
    .testTarget(
      name: "ScrapeTests", dependencies: ["Scrape", "TimeSeries", "Wire", "HTTPServer"], swiftSettings: strict),
    .testTarget(name: "ConfigurationTests", dependencies: ["Configuration"], swiftSettings: strict),
    .testTarget(
      name: "DeliveryTests",
      dependencies: [
        "Delivery", "TimeSeries", "Wire", "KafkaClient", "HTTPServer", "Scrape", "Configuration",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .testTarget(name: "PageTests", dependencies: ["Page"], swiftSettings: strict),
    .testTarget(
      name: "GatewayTests",
      dependencies: [
        "Gateway", "TimeSeries", "Wire", "SampleBuffer", "PromQL", "KafkaClient", "HTTPServer", "Configuration",
        "Delivery", .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "PromringTests",
      dependencies: [
        "promring", "APIClient", "Configuration", "TimeSeries",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)

// libFuzzer needs a build of its own, with sanitizers: Tests/Fuzz/run makes it. The program itself is not part of it, nor
// what talks to the network.
if Context.environment["PROMRING_FUZZ"] != nil {
  for target in package.targets where target.type == .regular {
    target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-enable-testing"])]
  }
  package.targets += [
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "PromQL", "TimeSeries", "Wire", "SampleBuffer", "HTTPServer", "Configuration",
        .product(name: "Yams", package: "Yams"),
      ],
      path: "Tests/Fuzz",
      exclude: [
        "run", "seeds.py", "configuration.dict", "delivered.dict", "page.dict", "promql.dict", "request.dict",
      ],
      swiftSettings: strict)
  ]
}
