extension NTXentLoss {
  /// What a process with `own` of the views computes, forward and backward. Of the similarities of its own views half are
  /// different ones, which are computed twice and serve two products for gradients; all others, and with small temperatures
  /// all, are computed once and serve two.
  package static func work(
    own: Int, of views: Int, dimension: Int, temperature: Double
  ) -> (productOperations: Int, exponentials: Int) {
    let usesSymmetry = temperature >= NegativePairs.leastTemperature
    let halves = usesSymmetry ? own * own / 2 : 0
    let rectangle = own * views - 2 * halves
    return (
      2 * dimension * (4 * halves + 3 * rectangle), 2 * halves + (usesSymmetry ? 1 : 2) * rectangle
    )
  }
}
