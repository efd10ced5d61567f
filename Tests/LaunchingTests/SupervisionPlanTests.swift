import Launching
import Testing

@Suite struct SupervisionPlanTests {
  private static let place = Endpoint(host: "node-a", port: 29400)
  private static let token = "0123456789abcdef"

  @Test("what does not fit together is said in the words of the options")
  func wrongUsage() {
    expectError("processes on each machine: expected at least 1, got 0") { try SupervisionPlan(processesPerNode: 0) }
    expectError("machines: expected at least 1, got 0") { try SupervisionPlan(processesPerNode: 1, nodes: 0) }
    expectError("restarts: expected at least 0, got -1") {
      try SupervisionPlan(processesPerNode: 1, maximumRestarts: -1)
    }
    expectError("the number of this machine and the rendezvous belong to several machines") {
      try SupervisionPlan(processesPerNode: 2, rendezvous: Self.place)
    }
    expectError("the number of this machine: expected 0 to 1, another on each of the 2 machines, got none") {
      try SupervisionPlan(processesPerNode: 2, nodes: 2, rendezvous: Self.place, token: Self.token)
    }
    expectError("the number of this machine: expected 0 to 1, another on each of the 2 machines, got 2") {
      try SupervisionPlan(processesPerNode: 2, nodes: 2, nodeRank: 2, rendezvous: Self.place, token: Self.token)
    }
    expectError("the rendezvous: expected HOST:PORT") {
      try SupervisionPlan(processesPerNode: 2, nodes: 2, nodeRank: 0, token: Self.token)
    }
    for (token, came) in [(nil, "got none"), ("short", "got a shorter one")] {
      expectError("SIMCLR_JOB_TOKEN: expected a secret", came, "`openssl rand -hex 32`") {
        try SupervisionPlan(processesPerNode: 2, nodes: 2, nodeRank: 0, rendezvous: Self.place, token: token)
      }
    }
  }

  @Test("one machine needs nothing but a number of processes")
  func oneMachine() throws {
    let plan = try SupervisionPlan(processesPerNode: 3, token: "left over")
    #expect(plan.worldSize == 3 && plan.needsStore && plan.token == nil)
    #expect(try !SupervisionPlan(processesPerNode: 1, maximumRestarts: 1).needsStore)
    let several = try SupervisionPlan(
      processesPerNode: 3, nodes: 2, nodeRank: 1, rendezvous: Self.place, token: Self.token)
    #expect(several.worldSize == 6 && !several.needsStore && several.token == Self.token)
  }

  private func expectError(_ texts: String..., make: () throws -> SupervisionPlan) {
    let error = #expect(throws: LaunchError.self) { try make() }
    for text in texts { #expect(error?.description.contains(text) == true, "\(error?.description ?? "")") }
    #expect(error?.isWrongUsage == true)
  }
}
