import Foundation
import Launching
import Testing

@Suite struct SupervisorTests {
  /// Writes its number where the test finds it, and lives on.
  private static let longLife = "echo $$ > $FOLDER/pid$R; exec sleep 100"

  @Test("workers learn their rank, where they meet, and a secret that is drawn for them")
  func variables() throws {
    let run = try SupervisedScript("env | grep ^SIMCLR_ | sort > $FOLDER/env$R", processes: 3)
    let outcome = run.finish()
    #expect(outcome.exitCode == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    #expect(outcome.output == "store on 127.0.0.1:0\nstore stopped\n")
    var tokens: Set<String> = []
    for rank in 0..<3 {
      let pairs = run.text("env\(rank)").split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1) }
      let variables = Dictionary(uniqueKeysWithValues: pairs.map { (String($0[0]), String($0[1])) })
      let environment = try #require(try RankEnvironment.detect(in: variables))
      tokens.insert(environment.token)
      let expected = RankEnvironment(
        launcher: .simclr, rank: rank, localRank: rank, worldSize: 3, localWorldSize: 3, nodeRank: 0,
        rendezvous: Endpoint(host: "127.0.0.1", port: 4711), storeHost: .external, token: environment.token)
      #expect(environment == expected)
      #expect(environment.token.count == 64)
      #expect(variables["SIMCLR_TERMINAL"] == nil)
    }
    #expect(tokens.count == 1)
  }

  @Test("workers inherit no descriptors, read nothing, and lead process groups of their own")
  func surroundings() throws {
    let run = try SupervisedScript(
      """
      ls /proc/self/fd | tr '\\n' ' ' > $FOLDER/fd$R
      cat > $FOLDER/in$R
      [[ $(ps -o pgid= -p $$ | tr -d ' ') == $$ ]] && echo leads > $FOLDER/group$R
      """)
    #expect(run.finish().exitCode == 0)
    for rank in 0..<2 {
      // The fourth is for reports, the fifth ls's own, for the folder.
      #expect(run.text("fd\(rank)") == "0 1 2 3 4 ")
      #expect(run.text("in\(rank)").isEmpty)
      #expect(run.text("group\(rank)") == "leads\n")
    }
  }

  @Test("rank 0 writes as if it were alone, other ranks' lines carry their rank")
  func prefixes() throws {
    let run = try SupervisedScript(
      """
      if [[ $R == 0 ]]; then echo result; echo progress >&2
      else echo "something odd"; printf 'no end' >&2; fi
      """)
    let outcome = run.finish()
    #expect(outcome.exitCode == 0)
    #expect(outcome.output.contains("result\n"))
    let lines = outcome.errors.split(separator: "\n").sorted()
    #expect(lines == ["[rank 1] no end", "[rank 1] something odd", "progress"])
  }

  @Test("part of a line of rank 0's comes out at once, and another rank's line does not tear into it")
  func partialLines() throws {
    let run = try SupervisedScript(
      """
      wait_for() { while [[ ! -e $FOLDER/$1 ]]; do sleep 0.01; done; }
      if [[ $R == 0 ]]; then printf 'step 1' >&2; wait_for seen; printf ' of 2\\n' >&2
      else wait_for begun; echo note >&2; touch $FOLDER/noted; fi
      """)
    #expect(run.wait { run.text("err") == "step 1" })
    run.touch("begun")
    #expect(run.wait { run.text("err") == "step 1\n[rank 1] note\n" })
    run.touch("seen")
    #expect(run.finish().errors == "step 1\n[rank 1] note\n of 2\n")
  }

  @Test(
    "the first failure is the one that is reported, with its exit code; wrong usage is no rank's",
    arguments: [(1, "rank 1: "), (2, "")])
  func firstFailure(code: Int32, whose: String) throws {
    let run = try SupervisedScript(
      """
      if [[ $R == 1 ]]; then
        echo $$ >$FOLDER/pid1; echo working >&2; report "no such folder" "try another"; exit \(code)
      fi
      until [[ -s $FOLDER/pid1 ]]; do sleep 0.01; done
      while kill -0 $(<$FOLDER/pid1) 2>/dev/null; do sleep 0.01; done
      report "rank 1 is lost"; exit 1
      """, processes: 3)
    let outcome = run.finish()
    #expect(outcome.exitCode == code)
    #expect(outcome.errors == "[rank 1] working\nerror: \(whose)no such folder: try another\n")
    #expect(outcome.seconds < 20)
  }

  @Test("a failure without a reason says its exit code; odd exit codes become 1")
  func failureWithoutReason() throws {
    let outcome = try SupervisedScript("[[ $R == 0 ]] || exit 9; sleep 0.1").finish()
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors == "error: rank 1: it ended with exit code 9 and gave no reason\n")
  }

  @Test("a rank that was killed is named with its signal, and the others follow within seconds")
  func killedRank() throws {
    let run = try SupervisedScript(Self.longLife, processes: 3)
    #expect(run.wait { run.processes(3).count == 3 })
    let workers = run.processes(3)
    kill(workers[1], SIGKILL)
    let outcome = run.finish()
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors.hasPrefix("error: rank 1 was killed by SIGKILL (signal 9): out of memory? "))
    #expect(outcome.errors.split(separator: "\n").count == 1)
    #expect(outcome.seconds < 20)
    for worker in workers { #expect(kill(worker, 0) != 0 && errno == ESRCH) }
  }

  @Test("a rank that is stopped is killed when another fails")
  func stoppedRank() throws {
    let run = try SupervisedScript(
      "echo $$ > $FOLDER/pid$R; [[ $R == 0 ]] || exec sleep 100; while [[ ! -e $FOLDER/go ]]; do sleep 0.01; done; "
        + "report 'rank 1 does not answer'; exit 1")
    #expect(run.wait { run.processes(2).count == 2 })
    let worker = run.processes(2)[1]
    kill(worker, SIGSTOP)
    run.touch("go")
    let outcome = run.finish()
    #expect(outcome.exitCode == 1 && outcome.errors == "error: rank 0: rank 1 does not answer\n")
    #expect(kill(worker, 0) != 0 && errno == ESRCH)
  }

  @Test("signals reach every worker once; when all saved, so says the exit code", arguments: [SIGINT, SIGTERM])
  func forwardedSignal(signal: Int32) throws {
    let run = try SupervisedScript(
      """
      trap 'echo caught >> $FOLDER/caught$R; saved=1' INT TERM
      echo $$ > $FOLDER/pid$R
      while [[ -z $saved ]]; do sleep 0.01; done
      sleep 0.2; exit 75
      """)
    #expect(run.wait { run.processes(2).count == 2 })
    run.signal(signal)
    let outcome = run.finish()
    #expect(outcome.exitCode == 75 && outcome.errors.isEmpty, "\(outcome.errors)")
    for rank in 0..<2 { #expect(run.text("caught\(rank)") == "caught\n") }
  }

  @Test("a second signal ends workers that do not stop")
  func secondSignal() throws {
    let run = try SupervisedScript("trap '' INT TERM; \(Self.longLife)")
    #expect(run.wait { run.processes(2).count == 2 })
    let workers = run.processes(2)
    run.signal(SIGTERM)
    usleep(200_000)
    #expect(run.process.isRunning)
    run.signal(SIGTERM)
    let outcome = run.finish()
    #expect(outcome.exitCode == 128 + SIGTERM)
    #expect(outcome.errors.hasPrefix("error: stopped by SIGTERM without a checkpoint"))
    for worker in workers { #expect(kill(worker, 0) != 0 && errno == ESRCH) }
  }

  @Test("workers that a signal ends before they listen to it count as interrupted, not as failed")
  func earlySignal() throws {
    let run = try SupervisedScript(Self.longLife, restarts: 3)
    #expect(run.wait { run.processes(2).count == 2 })
    run.signal(SIGINT)
    let outcome = run.finish()
    #expect(outcome.exitCode == 128 + SIGINT)
    #expect(outcome.errors.hasPrefix("error: stopped by SIGINT "), "\(outcome.errors)")
  }

  @Test("after a failure all start again, asked to resume, with another secret and one note")
  func restart() throws {
    let run = try SupervisedScript(
      """
      echo "$SIMCLR_ATTEMPT $* $SIMCLR_JOB_TOKEN" >> $FOLDER/starts$R
      [[ $R == 1 && $SIMCLR_ATTEMPT == 0 ]] && { until [[ -s $FOLDER/starts0 ]]; do sleep 0.01; done; kill -KILL $$; }
      [[ $R == 0 && $SIMCLR_ATTEMPT == 1 ]] && { report "disk full"; exit 1; }
      exit 0
      """, restarts: 2, arguments: ["pretrain", "recipe", "--", "file"])
    let outcome = run.finish()
    #expect(outcome.exitCode == 0)
    #expect(
      outcome.errors == """
        rank 1 was killed by SIGKILL; starting all again from the last checkpoint (restart 1 of 2)
        rank 0 failed: disk full
        starting all again from the last checkpoint (restart 2 of 2)

        """)
    #expect(outcome.output == "store on 127.0.0.1:0\nstore stopped\n", "one store for all attempts")
    let starts = run.text("starts0").split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(starts.map { $0.dropLast() }.first == ["0", "pretrain", "recipe", "--", "file"])
    #expect(starts.dropFirst().allSatisfy { $0[1...5] == ["pretrain", "recipe", "--resume", "--", "file"] })
    #expect(starts.count == 3 && Set(starts.map { $0.last! }).count == 3)
  }

  @Test("restarts end: the last failure is reported; wrong usage is not tried again")
  func endOfRestarts() throws {
    let outcome = try SupervisedScript("echo x >> $FOLDER/n$R; exit 1", processes: 1, restarts: 1).finish()
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors.split(separator: "\n").count == 3)
    let usage = try SupervisedScript("report 'unknown key'; exit 2", restarts: 5).finish()
    #expect(usage.exitCode == 2 && usage.errors == "error: unknown key\n")
  }

  @Test("a supervisor that is killed takes its workers along")
  func killedSupervisor() throws {
    let run = try SupervisedScript("trap '' INT TERM HUP; \(Self.longLife)", processes: 3)
    #expect(run.wait { run.processes(3).count == 3 })
    let workers = run.processes(3)
    run.signal(SIGKILL)
    _ = run.finish()
    #expect(run.wait { workers.allSatisfy(isGone) })
  }

  @Test("at whatever moment of its start a supervisor is killed, no worker stays")
  func supervisorKilledWhileStarting() throws {
    for moment in 0..<20 {
      let run = try SupervisedScript("exec -a $FOLDER sleep 100", processes: 4)
      usleep(UInt32(moment) * 1000)
      run.signal(SIGKILL)
      _ = run.finish()
      #expect(run.wait { run.processesThatNameTheFolder.isEmpty }, "killed after \(moment) ms")
    }
  }

  @Test("what workers leave running ends with them")
  func leftovers() throws {
    let run = try SupervisedScript("sleep 100 & echo $! > $FOLDER/pid$R")
    let outcome = run.finish()
    #expect(outcome.exitCode == 0 && outcome.seconds < 20)
    let leftovers = run.processes(2)
    #expect(leftovers.count == 2 && run.wait { leftovers.allSatisfy(isGone) })
  }

  @Test("waiting costs no time, also for workers that closed standard error; ended ones are no zombies")
  func waiting() throws {
    let run = try SupervisedScript("[[ $R == 1 ]] && exit 0; exec 2>&-; \(Self.longLife)", processes: 3)
    #expect(run.wait { run.processes(3).count == 2 })
    usleep(300_000)
    let before = cpuTicks(run.process.processIdentifier)
    usleep(700_000)
    #expect(cpuTicks(run.process.processIdentifier) - before <= 1)
    #expect(children(run.process.processIdentifier).count == 2)
    run.signal(SIGTERM)
    #expect(run.finish().exitCode == 128 + SIGTERM)
  }

  @Test("a flood without line ends comes through whole")
  func flood() throws {
    let run = try SupervisedScript("head -c 3000000 /dev/zero | tr '\\0' a >&2")
    let outcome = run.finish()
    #expect(outcome.exitCode == 0)
    #expect(
      outcome.errors.utf8.count { $0 == UInt8(ascii: "a") } - outcome.errors.matches(of: /\[rank/).count == 6_000_000)
  }

  @Test("a program that cannot be started is one line")
  func spawnFailure() throws {
    let outcome = try SupervisedScript(program: "/nowhere/simclr").finish()
    #expect(outcome.exitCode == 1)
    #expect(outcome.errors == "error: cannot start rank 0: cannot run it: /nowhere/simclr: No such file or directory\n")
  }

  @Test("workers are pinned to equal, disjoint shares of the cores; too few cores are shared")
  func cores() throws {
    let script =
      "grep Cpus_allowed_list /proc/self/status | cut -f2 > $FOLDER/cores$R; "
      + "echo \"$SIMCLR_CORES $OMP_NUM_THREADS\" > $FOLDER/share$R"
    let available = ProcessInfo.processInfo.activeProcessorCount
    if available >= 2 {
      let run = try SupervisedScript(script, environment: ["OMP_NUM_THREADS": ""])
      #expect(run.finish().exitCode == 0)
      #expect(run.text("cores0") != run.text("cores1"))
      let shares = (0..<2).map { run.text("share\($0)").prefix { $0 != " " }.split(separator: ",") }
      #expect(shares.allSatisfy { $0.count == available / 2 } && Set(shares[0]).isDisjoint(with: shares[1]))
    }
    let few = try SupervisedScript(script, processes: available + 1)
    #expect(few.finish().exitCode == 0)
    #expect(few.text("cores0") == few.text("cores\(available)"))
    #expect(few.text("share0").hasPrefix(" "))
  }

  @Test("on another node than 0 no store is started, ranks go on counting, and the job's secret is kept")
  func severalMachines() throws {
    let token = ["SIMCLR_JOB_TOKEN": "0123456789abcdef"]
    let script =
      "echo $R $SIMCLR_LOCAL_RANK $SIMCLR_WORLD_SIZE $SIMCLR_NODE_RANK $SIMCLR_RENDEZVOUS $SIMCLR_JOB_TOKEN >&2"
    let second = try SupervisedScript(script, nodes: (3, 1, "10.0.0.1:29400"), environment: token).finish()
    #expect(second.output.isEmpty && second.exitCode == 0)
    #expect(
      second.errors.split(separator: "\n").sorted() == [
        "[rank 2] 2 0 6 1 10.0.0.1:29400 0123456789abcdef", "[rank 3] 3 1 6 1 10.0.0.1:29400 0123456789abcdef",
      ])
    let first = try SupervisedScript(script, nodes: (3, 0, "10.0.0.1:29400"), environment: token).finish()
    #expect(first.output == "store on 10.0.0.1:29400\nstore stopped\n")
  }

  private func isGone(_ process: pid_t) -> Bool {
    let state = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    // Where nobody waits for orphans they stay as zombies.
    return state.isEmpty || state.contains(") Z ")
  }

  private func cpuTicks(_ process: pid_t) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)) ?? ""
    return text.split(separator: " ").dropFirst(13).prefix(2).reduce(0) { $0 + (Int($1) ?? 0) }
  }

  private func children(_ process: pid_t) -> [Substring] {
    let text = try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)
    return (text ?? "").split(separator: " ").filter { !$0.allSatisfy(\.isWhitespace) }
  }

  /// Standard error goes to a process that never reads it, and lives until the test's end.
  private static let stalledReader = [
    "bash", "-c", "exec \"$@\" 2> >(until [[ -e $FOLDER/end ]]; do sleep 0.1; done)", "bash",
  ]

  @Test("a reader of standard error who stalls holds up neither workers nor signals")
  func stalledReader() throws {
    let run = try SupervisedScript(
      """
      trap 'touch $FOLDER/stopped$R; exit 75' TERM
      for i in {1..40000}; do echo "a line of some forty characters, number $i"; done >&2
      touch $FOLDER/written$R
      while :; do sleep 0.02; done
      """, wrapper: Self.stalledReader)
    func isThere(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: run.folder.appendingPathComponent(name).path)
    }
    #expect(run.wait { isThere("written0") && isThere("written1") })
    run.signal(SIGTERM)
    #expect(run.wait { isThere("stopped0") && isThere("stopped1") })
    // What is left to be read still waits for its reader, which a signal ends.
    #expect(run.wait { run.text("out").contains("store stopped") })
    run.signal(SIGTERM)
    run.touch("end")
    _ = run.finish()
  }

  @Test("a signal before the workers have come to anything ends the job at once")
  func stopWhileStarting() throws {
    let run = try SupervisedScript("exit $((128 + 15))")
    let supervisor = try SupervisedScript("echo > $FOLDER/up$R; trap 'exit 143' TERM; while :; do sleep 0.02; done")
    #expect(run.finish().errors == "error: rank 0: it ended with exit code 143 and gave no reason\n")
    #expect(supervisor.wait { !supervisor.text("up0").isEmpty && !supervisor.text("up1").isEmpty })
    usleep(100_000)
    supervisor.signal(SIGTERM)
    let outcome = supervisor.finish()
    #expect(outcome.exitCode == 143)
    #expect(outcome.errors.hasPrefix("error: stopped by SIGTERM without a checkpoint of this moment."))
  }
}
