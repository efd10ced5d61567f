import CTorch

extension Tensor {
  /// The eigenvalues of a symmetric matrix `[N, N]`, the least first, and its eigenvectors, of length 1, as the columns of a
  /// matrix `[N, N]`. Only the lower triangle is looked at.
  public func symmetricEigenvectors() -> (values: Tensor, vectors: Tensor) {
    var values: OpaquePointer?
    var vectors: OpaquePointer?
    check(ctorch_tensor_eigh(handle, &values, &vectors), "symmetricEigenvectors", self)
    return (Tensor(owning: values!), Tensor(owning: vectors!))
  }

  /// Images `[K, M, N]`, each convolved with one kernel by fast Fourier transforms: the sums of elements times the kernel's
  /// element at the offset between two places.
  ///
  /// - Parameter kernel: `[P, Q]` of the same type, P at least 2 M − 1, Q at least 2 N − 1: the element for the offset 0 comes
  ///   first, those for negative offsets stand at the end.
  public func convolved(with kernel: Tensor) -> Tensor {
    .make("convolved", self, kernel) { ctorch_tensor_convolve(handle, kernel.handle, $0) }
  }
}
