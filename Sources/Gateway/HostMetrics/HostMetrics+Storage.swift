internal import Glibc
internal import TimeSeries

extension HostMetrics {
  /// The columns of /proc/diskstats behind the device name (`Documentation/admin-guide/iostats.rst` of the kernel).
  private static let diskColumns: [(name: String, help: String, scale: Double, isGauge: Bool)] = [
    ("reads_completed_total", "Reads completed.", 1, false),
    ("reads_merged_total", "Reads merged with others.", 1, false),
    ("read_bytes_total", "Bytes read.", 512, false),
    ("read_time_seconds_total", "Time spent by all reads.", 0.001, false),
    ("writes_completed_total", "Writes completed.", 1, false),
    ("writes_merged_total", "Writes merged with others.", 1, false),
    ("written_bytes_total", "Bytes written.", 512, false),
    ("write_time_seconds_total", "Time spent by all writes.", 0.001, false),
    ("io_now", "Reads and writes in progress.", 1, true),
    ("io_time_seconds_total", "Time in which reads or writes were in progress.", 0.001, false),
    ("io_time_weighted_seconds_total", "That time, weighted by their number.", 0.001, false),
    ("discards_completed_total", "Discards completed.", 1, false),
    ("discards_merged_total", "Discards merged with others.", 1, false),
    ("discarded_sectors_total", "Sectors discarded.", 1, false),
    ("discard_time_seconds_total", "Time spent by all discards.", 0.001, false),
    ("flush_requests_total", "Flush requests completed.", 1, false),
    ("flush_requests_time_seconds_total", "Time spent by all flush requests.", 0.001, false),
  ]

  func collectDisks(_ out: HostSampleSink) {
    for line in files.lines("proc/diskstats") {
      let words = line.words
      guard words.count > 3, Self.isWholeDisk(words[2]) else { continue }
      let device = Label("device", String(words[2]))
      for (column, word) in zip(Self.diskColumns, words.dropFirst(3)) {
        // Dividing gives 19.396 where multiplying by 0.001 gives 19.396000000000001.
        let value = Double(word).map { column.scale < 1 ? $0 / (1 / column.scale) : $0 * column.scale }
        if column.isGauge {
          out.gauge("node_disk_\(column.name)", column.help, value, device)
        } else {
          out.counter("node_disk_\(column.name)", column.help, value, device)
        }
      }
    }
  }

  /// Neither a partition (`sda1`, `nvme0n1p2`) nor a loop, RAM or floppy device.
  static func isWholeDisk(_ device: Substring) -> Bool {
    let stem = device.dropLastDigits
    guard stem.count < device.count else { return true }
    if ["ram", "loop", "fd"].contains(String(stem)) { return false }
    for bus in ["hd", "sd", "vd", "xvd"] {
      let letter = stem.dropFirst(bus.count)
      if stem.hasPrefix(bus), letter.count == 1, letter.allSatisfy({ ("a"..."z").contains($0) }) { return false }
    }
    // nvme<controller>n<namespace>p<partition>
    guard stem.hasPrefix("nvme"), stem.hasSuffix("p") else { return true }
    let namespace = stem.dropLast().dropLastDigits
    return !(namespace.hasSuffix("n") && namespace.count < stem.count - 1)
  }

  /// Kinds of file systems that hold no data of users, or may block because they live elsewhere.
  private static let excludedTypes: Set<String> = [
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "fusectl",
    "hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc", "procfs", "pstore", "rpc_pipefs", "securityfs",
    "selinuxfs", "squashfs", "sysfs", "tracefs",
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "lustre", "9p", "afs", "ncpfs",
  ]
  private static let excludedMountPoints = [
    "/dev", "/proc", "/run", "/sys", "/mnt", "/media", "/var/lib/docker", "/var/lib/containers/storage",
  ]

  func collectFileSystems(_ out: HostSampleSink) {
    var seen: Set<[String]> = []
    let mounts = files.text("proc/1/mounts") ?? files.text("proc/mounts") ?? ""
    for line in mounts.split(separator: "\n") {
      let words = line.words.map { Self.unescapeMount($0) }
      guard words.count >= 4 else { continue }
      let (device, mountPoint, type) = (words[0], words[1], words[2])
      let isExcluded = Self.excludedMountPoints.contains { mountPoint == $0 || mountPoint.hasPrefix($0 + "/") }
      guard !isExcluded, !Self.excludedTypes.contains(type), !type.hasPrefix("fuse.") else { continue }
      guard seen.insert([device, mountPoint, type]).inserted else { continue }
      let labels = (Label("device", device), Label("fstype", type), Label("mountpoint", mountPoint))
      var status = statvfs()
      let failed = statvfs("\(files.root)\(mountPoint)", &status) != 0
      func put(_ name: String, _ help: String, _ value: Double) {
        out.gauge("node_filesystem_\(name)", help, value, labels.0, labels.1, labels.2)
      }
      put("device_error", "Whether the file system could not be asked.", failed ? 1 : 0)
      put(
        "readonly", "Whether the file system is mounted read-only.",
        words[3].split(separator: ",").contains("ro") ? 1 : 0)
      if failed { continue }
      let block = Double(status.f_frsize)
      put("size_bytes", "Size of the file system.", Double(status.f_blocks) * block)
      put("free_bytes", "Bytes that are free.", Double(status.f_bfree) * block)
      put("avail_bytes", "Bytes that are free for ordinary users.", Double(status.f_bavail) * block)
      put("files", "Files that the file system can hold.", Double(status.f_files))
      put("files_free", "Files that it can hold still.", Double(status.f_ffree))
    }
  }

  /// Blanks, tabs, line feeds and backslashes come as three octal digits behind a backslash.
  static func unescapeMount(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), let code = String(rest.prefix(3)).flatMap({ UInt8($0, radix: 8) }), rest.count >= 3
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Substring {
  fileprivate var dropLastDigits: Substring {
    var rest = self
    while let last = rest.last, ("0"..."9").contains(last) { rest.removeLast() }
    return rest
  }
}
