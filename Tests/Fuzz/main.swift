// visen-fuzz [--count N] [--from K] [--show]
//
// Programs K, K+1, … made from the golden scripts, each put through everything. Ends with 1 at the first
// that shows what no program may, and says how to make it again. A crash is told apart by the number
// that was written last; `Tests/Long/fuzz` does that.
import Foundation
import Fuzzing

func option(_ name: String, _ otherwise: UInt64) -> UInt64 {
  let words = CommandLine.arguments
  guard let place = words.firstIndex(of: name), words.indices.contains(place + 1) else {
    return otherwise
  }
  return UInt64(words[place + 1]) ?? otherwise
}

let count = option("--count", 100_000)
let first = option("--from", 0)
let mutator = Mutator(
  folders: ["Tests/Golden", "scripts/examples"].map(URL.init(fileURLWithPath:)))
guard mutator.count > 0 else {
  print("visen-fuzz: no scripts here; start it in the project's folder")
  exit(2)
}
if CommandLine.arguments.contains("--show") {
  FileHandle.standardOutput.write(Data(mutator.program(first)))
  exit(0)
}

let fuzzer = Fuzzer()
let clock = ContinuousClock()
let start = clock.now
var slowest = (time: Duration.zero, number: first)
let last =
  getenv("VISEN_FUZZ_LAST").map { open(String(cString: $0), O_WRONLY | O_CREAT, 0o600) } ?? -1
for number in first..<(first + count) {
  if last >= 0 {
    let text = "\(number)\n"
    _ = text.withCString { pwrite(last, $0, strlen($0), 0) }
  }
  let before = clock.now
  do {
    try await fuzzer.check(mutator.program(number))
  } catch {
    print("visen-fuzz: program \(number): \(error)")
    print(
      "again: visen-fuzz --from \(number) --count 1; its text: visen-fuzz --from \(number) --show")
    exit(1)
  }
  let time = clock.now - before
  if time > slowest.time { slowest = (time, number) }
  if (number + 1) % 100_000 == 0 {
    let counts = fuzzer.counts
    print(
      "\(number + 1 - first) programs, \(counts.read) read, \(counts.run) run, \(counts.stopped) stopped, "
        + "slowest \(slowest.time) (program \(slowest.number)), \(clock.now - start)")
    fflush(nil)
  }
}
guard slowest.time < .seconds(5) else {
  print("visen-fuzz: program \(slowest.number) took \(slowest.time)")
  exit(1)
}
let counts = fuzzer.counts
print(
  "\(count) programs from \(mutator.count) scripts: \(counts.read) could be read, \(counts.run) were run, "
    + "\(counts.stopped) stopped; slowest \(slowest.time); no crash, no hang, \(clock.now - start)")
