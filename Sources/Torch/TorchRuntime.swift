import CTorch

/// The libtorch that this process runs on.
public enum TorchRuntime {
  /// The version of libtorch that this program was compiled for, such as `2.11.0`.
  public static var compiledVersion: String { String(cString: ctorch_version_compiled()) }

  /// The version of libtorch that was found at run time; empty when it does not tell.
  public static var loadedVersion: String { String(cString: ctorch_version_loaded()) }

  /// How libtorch was built: compiler, BLAS, CPU capability; several lines.
  public static var buildDescription: String { String(cString: ctorch_build_description()) }

  /// Confirms that the libtorch found at run time is the one this program was compiled for.
  ///
  /// - Throws: ``TorchError`` naming both versions.
  public static func checkVersion() throws { try check(loaded: loadedVersion, compiled: compiledVersion) }

  package static func check(loaded: String, compiled: String) throws {
    let plain = loaded.prefix { $0 != "+" }
    guard plain == compiled.prefix(while: { $0 != "+" }) else {
      throw TorchError(
        "this program was built for libtorch \(compiled), but found libtorch \(loaded.isEmpty ? "of unknown version" : loaded). "
          + "Run `make setup` and build again, or point LIBTORCH and LD_LIBRARY_PATH at libtorch \(compiled)")
    }
  }

  /// How many tensor handles are alive in this process: what a leak would make grow.
  public static var liveTensorCount: Int { Int(ctorch_live_tensor_count()) }

  /// How many threads an operation uses.
  public static var threadCount: Int { Int(ctorch_thread_count()) }

  /// Sets how many threads an operation uses, at least 1.
  public static func setThreadCount(_ count: Int) {
    precondition(count >= 1, "threadCount: expected at least 1, got \(count)")
    Torch.check(ctorch_set_thread_count(Int32(count)), "setThreadCount")
  }

  /// Asks for algorithms that give the same bits on every run, at some cost in speed on CUDA devices; or not, and then
  /// cuDNN tries which are fastest for the shapes it meets.
  public static func setDeterministic(_ deterministic: Bool) { ctorch_set_deterministic(deterministic) }

  /// Whether cuDNN tries which algorithms are fastest.
  public static var benchmarksConvolutions: Bool { ctorch_benchmarks_convolutions() }

  /// Whether convolutions of float32 on CUDA round their operands to TF32, which has ten bits of mantissa. At first they do
  /// not; matrix products never do.
  public static var allowsTF32: Bool {
    get {
      var (convolutions, products) = (false, false)
      Torch.check(ctorch_allows_tf32(&convolutions, &products), "allowsTF32")
      precondition(!products, "allowsTF32: somebody else had matrix products round")
      return convolutions
    }
    set { Torch.check(ctorch_set_allows_tf32(newValue), "allowsTF32") }
  }

  /// Keeps freed memory in the process: a training step then reuses the pages of the one before, where glibc would
  /// return them and have them faulted in, zeroed, again.
  public static func keepFreedMemory() { ctorch_keep_freed_memory() }

  /// Gives freed tensors of a megabyte and more back at once, so that resident memory is what is in use: for measuring.
  public static func returnFreedMemory() { ctorch_return_freed_memory() }

  /// Whether kernels of our own normalize batches on CUDA devices; they come with libCTorchCUDA.so, which is loaded first.
  public static var hasBatchNormKernels: Bool { ctorch_batch_norm_has_kernels() }

  /// Instruction sets that decide how fast a CPU trains.
  public enum InstructionSet: String, CaseIterable, Sendable {
    case avx2
    case avx512 = "avx512_f"
    case avx512BF16 = "avx512_bf16"
    case amxBF16 = "amx_bf16"

    /// Whether this CPU has it.
    public var isAvailable: Bool { ctorch_cpu_has(rawValue) }
  }

  /// Whether this CPU multiplies bfloat16 matrices in hardware, which makes bf16 the faster precision.
  public static var cpuHasFastBFloat16: Bool {
    InstructionSet.avx512BF16.isAvailable || InstructionSet.amxBF16.isAvailable
  }
}
