// swift-tools-version: 6.2
import PackageDescription

/// Settings shared by every target of ours.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

/// The prompt: one person, one terminal, one actor.
let conversational: [SwiftSetting] = strict + [.defaultIsolation(MainActor.self)]

/// Without these most of the time before the first prompt goes to the loader: a program at a fixed
/// address has next to no relocations, one whose libraries are in it has few files to map, and one that
/// exports nothing has no table of 38,000 names to look through.
let quickStart: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-use-ld=lld", "-Xclang-linker", "-no-pie", "-Xlinker", "-no-pie",
      "-L", "\(Context.packageDirectory)/scripts/lib/static", "-Xclang-linker", "-static-libgcc",
      "-Xlinker", "--no-export-dynamic",
    ],
    .when(platforms: [.linux], configuration: .release))
]

let package = Package(
  name: "visen",
  products: [
    .executable(name: "visen", targets: ["visen"])
  ],
  dependencies: [
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(
      url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
  ],
  targets: [
    // The language. Imports none of ours: it knows no Notion, no AI, no terminal, no files.
    .target(name: "Script", swiftSettings: strict),

    // HTTP: one protocol, the network, pacing, retries. Nobody else opens a connection outward.
    .target(
      name: "Transport",
      dependencies: [
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: strict),

    .target(name: "CMarkdown", linkerSettings: [.linkedLibrary("md4c")]),
    .target(
      name: "Notion",
      dependencies: [
        "Transport", "CMarkdown", .product(name: "HTTPTypes", package: "swift-http-types"),
      ],
      swiftSettings: strict),
    .target(
      name: "LocalNotion",
      dependencies: [
        "Transport", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ],
      swiftSettings: strict),
    .target(
      name: "Engines",
      dependencies: ["Transport", .product(name: "HTTPTypes", package: "swift-http-types")],
      swiftSettings: strict),
    .target(
      name: "Store",
      dependencies: [.product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: strict),
    .target(
      name: "Generation",
      dependencies: ["Engines", "Notion", "Store", "Transport"],
      swiftSettings: strict),

    // Both services on a loopback port. No listening socket anywhere else.
    .target(
      name: "Rehearsal",
      dependencies: [
        "LocalNotion", "Engines", "Transport",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: strict),

    .target(name: "CEditor", linkerSettings: [.linkedLibrary("edit")]),
    .target(
      name: "Shell",
      dependencies: [
        "Script", "Generation", "Notion", "Engines", "Store", "Transport", "CEditor", "CProcess",
      ],
      swiftSettings: conversational),
    .target(name: "CProcess"),
    .executableTarget(
      name: "visen",
      dependencies: [
        "CProcess", "Shell", "LocalNotion", "Rehearsal", "Store", "Transport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict, linkerSettings: quickStart),

    .testTarget(
      name: "GenerationTests",
      dependencies: [
        "Generation", "Engines", "LocalNotion", "Notion", "Store", "Transport",
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ],
      swiftSettings: strict),
    .testTarget(name: "EnginesTests", dependencies: ["Engines"], swiftSettings: strict),
    .testTarget(
      name: "LocalNotionTests",
      dependencies: [
        "LocalNotion", "Notion", "Transport",
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ],
      swiftSettings: strict),
    .testTarget(
      name: "NotionTests", dependencies: ["Notion", "Transport"], swiftSettings: strict),
    .testTarget(
      name: "TransportTests",
      dependencies: ["Transport", .product(name: "HTTPTypes", package: "swift-http-types")],
      swiftSettings: strict),
    .testTarget(
      name: "ScriptTests", dependencies: ["Script", "Fuzzing"], swiftSettings: strict),
    // Programs made at random, for the unit tests and, by the million, for `scripts/test long`.
    .target(
      name: "Fuzzing", dependencies: ["Script"], path: "Tests/Fuzzing", swiftSettings: strict),
    .executableTarget(
      name: "visen-fuzz", dependencies: ["Fuzzing"], path: "Tests/Fuzz", swiftSettings: strict),
    .testTarget(name: "ShellTests", dependencies: ["Shell", "Script"], swiftSettings: strict),
    // Whole scripts on the whole shell, with the output they must have.
    .testTarget(
      name: "GoldenTests",
      dependencies: [
        "Shell", "Script", "LocalNotion", "Notion", "Store", "Transport",
        .product(name: "HTTPTypes", package: "swift-http-types"),
      ],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
