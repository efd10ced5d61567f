/// Memory for intermediate values, kept from use to use. Its owner is used by one thread at a time.
struct ScratchMemory<Element: BitwiseCopyable>: ~Copyable {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  init() {}

  deinit { memory.deallocate() }

  /// Room for that many elements: zero bytes at first, later whatever was left there.
  mutating func room(for count: Int) -> UnsafeMutablePointer<Element> {
    let bytes = count * MemoryLayout<Element>.stride
    if memory.count < bytes {
      memory.deallocate()
      memory = .allocate(byteCount: bytes, alignment: 64)
      memory.initializeMemory(as: UInt8.self, repeating: 0)
    }
    return memory.baseAddress!.assumingMemoryBound(to: Element.self)
  }
}
