import Torch

/// Finds the nearest of many vectors, exactly, in memory that grows neither with how many are asked for nor with how many
/// there are: similarities are computed in blocks of both, and of each block only the nearest are kept.
struct NeighborSearch {
  /// What is near.
  enum Measure {
    /// The greatest cosine of the angle between vectors.
    case cosine
    /// The least Euclidean distance.
    case euclidean
  }

  let measure: Measure
  /// Vectors that are asked for at a time.
  var queryRows = 1024
  /// Vectors that they are compared with at a time: with as many, 64 MiB of similarities.
  var bankRows = 16384
  var device = Device.cpu

  init(_ measure: Measure) { self.measure = measure }

  /// Finds the `count` nearest of `bank` `[N, D]` for each of `queries` `[M, D]`, both float32 on the CPU.
  ///
  /// - Parameter body: hears block by block for which rows of `queries`, how similar the nearest are (`[B, count]`, float32,
  ///   greatest first: cosines, or for distances 2 q · b − ‖b‖²), and which rows of `bank` they are (`[B, count]`, int64).
  func forEachBlock(
    of queries: Tensor, in bank: Tensor, count: Int,
    _ body: (_ rows: Range<Int>, _ similarities: Tensor, _ places: Tensor) throws -> Void
  ) rethrows {
    try withoutGradients {
      for start in stride(from: 0, to: queries.shape[0], by: queryRows) {
        let rows = start..<min(start + queryRows, queries.shape[0])
        let nearest = nearest(to: prepared(queries.narrow(0, rows)), in: bank, count: min(count, bank.shape[0]))
        try body(rows, nearest.similarities, nearest.places)
      }
    }
  }

  private func prepared(_ rows: Tensor) -> Tensor {
    let rows = rows.to(device: device)
    return measure == .cosine ? Functional.normalize(rows) : rows
  }

  private func nearest(to queries: Tensor, in bank: Tensor, count: Int) -> (similarities: Tensor, places: Tensor) {
    var best: (similarities: Tensor, places: Tensor)?
    for start in stride(from: 0, to: bank.shape[0], by: bankRows) {
      let known = prepared(bank.narrow(0, start..<min(start + bankRows, bank.shape[0])))
      var similarities = queries.matmul(known.transposed())
      if measure == .euclidean { similarities = similarities * 2 - known.pow(2).sum(1) }
      let found = similarities.topk(min(count, known.shape[0]))
      var (values, places) = (found.values, found.indices + Tensor([start]).to(device: device))
      if let best {
        values = Tensor.concatenate([best.similarities, values], dimension: 1)
        places = Tensor.concatenate([best.places, places], dimension: 1)
        let kept = values.topk(min(count, values.shape[1]))
        (values, places) = (kept.values, places.gather(1, kept.indices))
      }
      best = (values, places)
    }
    return best!
  }
}
