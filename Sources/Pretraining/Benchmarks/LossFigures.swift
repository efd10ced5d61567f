import Methods

/// What ``LossBenchmark`` measured and counted, of one loss of all processes together, forward and backward.
public struct LossFigures: Codable, Sendable {
  /// The median of the runs.
  public var seconds: Double
  /// Each run, in the process where it was longest.
  public var runSeconds: [Double]
  /// The most memory that was taken beyond the projections, in the process that took most: what tensors had, and on
  /// the CPU resident memory where that is more.
  public var peakBytes = 0
  /// Multiplications and additions of the matrix products, and how many of them a second.
  public var productOperations = 0
  public var operationsPerSecond = 0.0
  /// How many a second when products are all there is: those of blocks of similarities, measured.
  public var productOperationsPerSecond = 0.0
  /// What the products alone would take at that rate: no loss that computes them can be faster.
  public var productSeconds = 0.0
  public var exponentials = 0
  public var pairs: Int
  public var dimension: Int
  public var temperature: Double
  public var precision: String
  public var device = ""
  public var processes = 1
  public var threadsPerProcess = 1

  init(_ configuration: ResolvedConfiguration, seconds: [Double], pairs: Int, dimension: Int) {
    (self.seconds, runSeconds) = (seconds.median, seconds)
    (self.pairs, self.dimension) = (pairs, dimension)
    (temperature, precision) = (configuration.loss.temperature, configuration.training.precision.rawValue)
  }

  /// Counts what has to be computed when each process has `own` of the views.
  mutating func count(views: Int, own: Int) {
    let work = NTXentLoss.work(own: own, of: views, dimension: dimension, temperature: temperature)
    (productOperations, exponentials) = (processes * work.productOperations, processes * work.exponentials)
    operationsPerSecond = Double(productOperations) / seconds
    productSeconds = Double(productOperations) / productOperationsPerSecond
  }
}
