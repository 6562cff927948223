import Foundation
import Page
import Testing

@Suite struct PageTests {
  static func text(_ file: Page.File) -> String { String(decoding: file.bytes, as: UTF8.self) }

  @Test func `every file of the site is embedded as it is`() throws {
    let site = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Page/site")
      .standardized
    let names = try FileManager.default.contentsOfDirectory(atPath: site.path)
    #expect(Set(Page.files.map(\.name)) == Set(names))
    for file in Page.files {
      #expect(file.bytes == Array(try Data(contentsOf: site.appending(path: file.name))), "\(file.name)")
    }
  }

  @Test func `the front page comes first, and types and tags are right`() throws {
    let front = try #require(Page.files.first)
    #expect(front.name == Page.front)
    #expect(front.contentType == "text/html; charset=utf-8")
    #expect(Page.files.first { $0.name == "app.js" }?.contentType == "text/javascript; charset=utf-8")
    #expect(Set(Page.files.map(\.entityTag)).count == Page.files.count)
    #expect(Page.files.allSatisfy { $0.entityTag.hasPrefix("W/\"") && $0.entityTag.hasSuffix("\"") })
  }

  @Test func `what a file refers to is there, and relative`() throws {
    let names = Set(Page.files.map(\.name))
    for file in Page.files {
      for match in Self.text(file).matches(of: /(?:from "\.\/|(?:href|src)="page\/)([^"]+)"/) {
        #expect(names.contains(String(match.1)), "\(file.name) refers to \(match.1)")
      }
      // An address that begins with a slash would miss the path prefix.
      #expect(Self.text(file).firstMatch(of: /(?:href|src)="\//) == nil, "\(file.name)")
      let foreign = Self.text(file).matches(of: /https?:\/\/[^\s"'`)]+/).map { String($0.0) }
      #expect(foreign.allSatisfy { $0 == "http://www.w3.org/2000/svg" }, "\(file.name): \(foreign)")
    }
  }

  @Test func `every file is small enough to be compressed on an I/O thread`() throws {
    for file in Page.files { #expect(file.bytes.count <= 16 << 10, "\(file.name)") }
  }

  @Test func `nothing turns text into markup or code`() throws {
    for file in Page.files {
      for word in [
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "javascript:",
      ] {
        #expect(!Self.text(file).contains(word), "\(file.name) has \(word)")
      }
    }
    let front = Self.text(Page.files[0])
    #expect(front.firstMatch(of: /<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/) == nil, "inline code or style")
  }
}
