import Foundation
import Testing
import TimeSeries
import Wire

@testable import Gateway

@Suite struct HostMetricsTests {
  /// What is collected from these files, as lines `name{labels} value`, the time left aside.
  static func collect(_ files: [String: String]) throws -> Set<String> {
    let root = try Fixtures(files)
    var lines: Set<String> = []
    HostMetrics(root: root.path).collect { sample in
      if sample.name == "node_time_seconds" { return }
      let set = LabelSet([Label(Label.metricName, sample.name)] + sample.labels)
      lines.insert("\(set) \(FloatText.string(sample.value, .plain))")
    }
    return lines
  }

  @Test func `processors and counters of the kernel`() throws {
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    let stat = """
      cpu  300 0 0 0 0 0 0 0 0 0
      cpu0 \(Int(ticks) * 3) \(Int(ticks)) 0 \(Int(ticks / 2)) 0 0 0 0 \(Int(ticks) * 2) 0
      intr 3240387 0 0 1
      ctxt 6190741
      btime 1795353383
      processes 34004
      procs_running 3
      procs_blocked 1
      softirq 3589949 0
      """
    #expect(
      try Self.collect(["proc/stat": stat + "\n"]) == [
        #"node_cpu_seconds_total{cpu="0", mode="user"} 3"#, #"node_cpu_seconds_total{cpu="0", mode="nice"} 1"#,
        #"node_cpu_seconds_total{cpu="0", mode="system"} 0"#, #"node_cpu_seconds_total{cpu="0", mode="idle"} 0.5"#,
        #"node_cpu_seconds_total{cpu="0", mode="iowait"} 0"#, #"node_cpu_seconds_total{cpu="0", mode="irq"} 0"#,
        #"node_cpu_seconds_total{cpu="0", mode="softirq"} 0"#, #"node_cpu_seconds_total{cpu="0", mode="steal"} 0"#,
        #"node_cpu_guest_seconds_total{cpu="0", mode="user"} 2"#,
        #"node_cpu_guest_seconds_total{cpu="0", mode="nice"} 0"#,
        "node_intr_total 3240387", "node_context_switches_total 6190741", "node_boot_time_seconds 1795353383",
        "node_forks_total 34004", "node_procs_running 3", "node_procs_blocked 1",
      ])
  }

  @Test func `memory in bytes, but for fields without a unit`() throws {
    let text = "MemTotal:       1024 kB\nActive(anon):   3 kB\nHugePages_Total:   7\nnonsense\n"
    #expect(
      try Self.collect(["proc/meminfo": text]) == [
        "node_memory_MemTotal_bytes 1048576", "node_memory_Active_anon_bytes 3072", "node_memory_HugePages_Total 7",
      ])
  }

  @Test func `load, file descriptors, paging and pressure`() throws {
    #expect(
      try Self.collect([
        "proc/loadavg": "0.48 0.35 0.43 3/128 1534\n", "proc/sys/fs/file-nr": "918\t0\t2466170\n",
        "proc/vmstat": "nr_free_pages 1\npgpgin 5\npgfault 6\npswpin 7\noom_kill 8\npgalloc_dma 9\n",
        "proc/pressure/cpu": "some avg10=0.15 avg60=0.69 avg300=1.05 total=2500000\nfull avg10=0 total=5\n",
        "proc/pressure/io": "some avg10=0 total=1000000\nfull avg10=0 total=500000\n",
      ]) == [
        "node_load1 0.48", "node_load5 0.35", "node_load15 0.43", "node_filefd_allocated 918",
        "node_filefd_maximum 2466170", "node_vmstat_pgpgin 5", "node_vmstat_pgfault 6", "node_vmstat_pswpin 7",
        "node_vmstat_oom_kill 8", "node_pressure_cpu_waiting_seconds_total 2.5",
        "node_pressure_io_waiting_seconds_total 1", "node_pressure_io_stalled_seconds_total 0.5",
      ])
  }

  @Test func `names of the system`() throws {
    #expect(
      try Self.collect([
        "proc/sys/kernel/osrelease": "6.1.0\n", "proc/sys/kernel/ostype": "Linux\n", "proc/sys/kernel/arch": "x86_64\n",
        "proc/sys/kernel/hostname": "vm\n", "proc/sys/kernel/domainname": "(none)\n",
        "proc/sys/kernel/version": "#1 SMP\n",
      ]) == [
        #"node_uname_info{domainname="(none)", machine="x86_64", nodename="vm", release="6.1.0", "#
          + ##"sysname="Linux", version="#1 SMP"} 1"##
      ])
  }

  @Test func `disks, but no partitions`() throws {
    let lines = try Self.collect([
      "proc/diskstats": """
       254       0 vda 56141 11537 8222490 28583 102759 63358 7608120 26638 2 19396 57243 13342 1 1750912 1409 22375 611
       254       1 vda1 1 2 3 4 5 6 7 8 9 10 11
         8       0 sdb 1 2 3 4 5 6 7 8 9 10 11

      """
    ])
    #expect(lines.count == 17 + 11)
    for expected in [
      #"node_disk_reads_completed_total{device="vda"} 56141"#, #"node_disk_read_bytes_total{device="vda"} 4209914880"#,
      #"node_disk_read_time_seconds_total{device="vda"} 28.583"#, #"node_disk_io_now{device="vda"} 2"#,
      #"node_disk_io_time_seconds_total{device="vda"} 19.396"#, #"node_disk_writes_merged_total{device="vda"} 63358"#,
      #"node_disk_written_bytes_total{device="vda"} 3895357440"#,
      #"node_disk_flush_requests_time_seconds_total{device="vda"} 0.611"#,
      #"node_disk_discarded_sectors_total{device="vda"} 1750912"#,
      #"node_disk_io_time_weighted_seconds_total{device="sdb"} 0.011"#,
    ] {
      #expect(lines.contains(expected), "\(expected)")
    }
  }

  @Test(arguments: [
    ("sda", true), ("sda1", false), ("xvdb12", false), ("vdz", true), ("hda3", false), ("nvme0n1", true),
    ("nvme0n1p2", false), ("loop0", false), ("ram15", false), ("fd0", false), ("md127", true), ("dm-0", true),
    ("zram0", true), ("mmcblk0", true), ("sr0", true), ("nvmep1", true),
  ])
  func `partitions and loops are no disks`(device: String, isDisk: Bool) {
    #expect(HostMetrics.isWholeDisk(device[...]) == isDisk)
  }

  @Test func `file systems that hold data of users`() throws {
    let lines = try Self.collect([
      "proc/mounts": """
      /dev/vda / ext4 rw,relatime 0 0
      /dev/vdb /a\\040b ext4 ro,relatime 0 0
      /dev/vdb /a\\040b ext4 ro,relatime 0 0
      /dev/vdc /gone ext4 rw 0 0
      tmpfs /dev/shm tmpfs rw 0 0
      proc /proc proc rw 0 0
      server:/x /nfs nfs4 rw 0 0
      tmpfs /runner tmpfs rw 0 0

      """,
      "a b/file": "", "runner/file": "",
    ])
    let sizes = lines.filter { $0.hasPrefix("node_filesystem_size_bytes") }
    #expect(sizes.count == 3)
    #expect(sizes.allSatisfy { !$0.hasSuffix("} 0") })
    #expect(lines.contains(#"node_filesystem_readonly{device="/dev/vdb", fstype="ext4", mountpoint="/a b"} 1"#))
    #expect(lines.contains(#"node_filesystem_readonly{device="/dev/vda", fstype="ext4", mountpoint="/"} 0"#))
    #expect(lines.contains(#"node_filesystem_device_error{device="/dev/vdc", fstype="ext4", mountpoint="/gone"} 1"#))
    #expect(lines.contains { $0.contains(#"mountpoint="/runner"}"#) })
    #expect(lines.count == 3 * 7 + 2)
  }

  @Test(arguments: [(#"/a\040b"#, "/a b"), (#"\134x"#, #"\x"#), (#"\99"#, #"\99"#), (#"\04"#, #"\04"#), ("é", "é")])
  func `blanks in mount points come as octal`(text: String, path: String) {
    #expect(HostMetrics.unescapeMount(text[...]) == path)
  }

  @Test func `network devices and their state`() throws {
    let header =
      "Inter-|   Receive                                                |  Transmit\n"
      + " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
    let lines = try Self.collect([
      "proc/net/dev": header + "    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
        + "eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
      "sys/class/net/eth0/operstate": "up\n", "sys/class/net/eth0/address": "02:fc:00:00:00:01\n",
      "sys/class/net/eth0/mtu": "1500\n", "sys/class/net/eth0/speed": "1000\n",
      "sys/class/net/lo/operstate": "unknown\n",
      "sys/class/net/lo/speed": "-1\n",
    ])
    #expect(
      lines.isSuperset(of: [
        #"node_network_receive_bytes_total{device="eth0"} 1"#,
        #"node_network_receive_multicast_total{device="eth0"} 8"#,
        #"node_network_transmit_bytes_total{device="eth0"} 9"#,
        #"node_network_transmit_compressed_total{device="eth0"} 16"#, #"node_network_up{device="eth0"} 1"#,
        #"node_network_up{device="lo"} 0"#, #"node_network_speed_bytes{device="eth0"} 125000000"#,
        #"node_network_mtu_bytes{device="eth0"} 1500"#,
        #"node_network_info{address="02:fc:00:00:00:01", device="eth0", operstate="up"} 1"#,
      ]))
    #expect(lines.count == 16 + 6)
  }

  @Test func `protocols and sockets`() throws {
    let page = sysconf(Int32(_SC_PAGESIZE))
    #expect(
      try Self.collect([
        "proc/net/netstat": "TcpExt: SyncookiesSent Other ListenDrops\nTcpExt: 1 2 3\nIpExt: InOctets X\nIpExt: 4 5\n",
        "proc/net/snmp": "Tcp: CurrEstab InErrs MaxConn\nTcp: 6 7 -1\n",
        "proc/net/snmp6": "Ip6InOctets \t8\nUdpLite6InErrors 9\nIcmp6OutType136 10\n",
        "proc/net/sockstat": "sockets: used 27\nTCP: inuse 1 mem 187\n", "proc/net/sockstat6": "TCP6: inuse 4\n",
      ]) == [
        "node_netstat_TcpExt_SyncookiesSent 1", "node_netstat_TcpExt_ListenDrops 3", "node_netstat_IpExt_InOctets 4",
        "node_netstat_Tcp_CurrEstab 6", "node_netstat_Tcp_InErrs 7", "node_netstat_Ip6_InOctets 8",
        "node_netstat_UdpLite6_InErrors 9", "node_sockstat_sockets_used 27", "node_sockstat_TCP_inuse 1",
        "node_sockstat_TCP_mem 187", "node_sockstat_TCP_mem_bytes \(187 * page)", "node_sockstat_TCP6_inuse 4",
      ])
  }

  @Test func `nothing is made of nothing`() throws {
    #expect(try Self.collect([:]).isEmpty)
    let broken = ["proc/stat", "proc/meminfo", "proc/diskstats", "proc/net/dev", "proc/net/snmp", "proc/mounts"]
    let junk = "cpu\ncpu0 x\nintr\n: : :\nTcp:\nTcp: a\n\n\u{0}\n"
    let lines = try Self.collect(Dictionary(uniqueKeysWithValues: broken.map { ($0, junk) }))
    #expect(lines.isEmpty, "\(lines)")
  }

  @Test func `this machine has metrics, each series once, of one type a name`() {
    var series: Set<LabelSet> = []
    var types: [String: MetricType] = [:]
    HostMetrics().collect { sample in
      let labels = LabelSet([Label(Label.metricName, sample.name)] + sample.labels)
      #expect(series.insert(labels).inserted, "\(labels)")
      #expect(types.updateValue(sample.type, forKey: sample.name) ?? sample.type == sample.type)
      #expect(sample.value.isFinite && !sample.help.isEmpty)
      #expect((sample.type == .counter) == sample.name.hasSuffix("_total"))
    }
    for name in ["node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_load1", "node_boot_time_seconds"] {
      #expect(types[name] != nil, "\(name)")
    }
    #expect(HostMetrics().declarations()["node_load1"]?.type == .gauge)
  }
}
