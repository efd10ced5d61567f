import CDigest
import Foundation
import Launching

/// What the processes of a job do with the token that only they know: they find names in the store that tell strangers
/// nothing about it, and confirm that a text in the store is from one of them.
///
/// Without a token strangers can do all this, too.
struct JobSeal: Sendable {
  private let token: String
  /// Put before all names of the job.
  let jobPrefix: String
  /// Put before the names of one attempt of it.
  let attemptPrefix: String

  init(token: String, attempt: Int) {
    self.token = token
    jobPrefix = "simclr/\(Self.hash("names", token))/"
    attemptPrefix = "\(jobPrefix)\(attempt)/"
  }

  /// A text as it goes into the store, for one key only.
  func sealed(_ text: String, for key: String) -> String { code(text, key) + text }

  /// The text that was sealed for a key; nil where somebody wrote it who does not know the token.
  func opened(_ sealed: String, for key: String) -> String? {
    let text = String(decoding: sealed.utf8.dropFirst(64), as: UTF8.self)
    return sealed.utf8.elementsEqual(self.sealed(text, for: key).utf8) ? text : nil
  }

  private func code(_ text: String, _ key: String) -> String {
    Self.hash("text\n\(attemptPrefix)\n\(key)\n\(text)", token)
  }

  /// HMAC-SHA256 in hexadecimal: 64 digits.
  private static func hash(_ message: String, _ key: String) -> String {
    var (key, message, digest) = (key, message, [UInt8](repeating: 0, count: CDIGEST_SHA256_BYTES))
    let isThere = key.withUTF8 { key in
      message.withUTF8 { cdigest_hmac_sha256(key.baseAddress, key.count, $0.baseAddress, $0.count, &digest) }
    }
    precondition(isThere, "HMAC-SHA256: OpenSSL does not offer it")
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension RankEnvironment {
  /// Of this job and attempt.
  var seal: JobSeal { JobSeal(token: token, attempt: attempt) }
}

// MARK: - Sealed texts in the store

extension Store {
  /// Sets a key to a text that strangers cannot write.
  func announce(_ key: String, _ text: String, _ seal: JobSeal) throws { try set(key, seal.sealed(text, for: key)) }

  /// Sets a key to what an error says.
  func announce(_ key: String, _ explanation: Explanation, _ seal: JobSeal) throws {
    try announce(key, String(decoding: JSONEncoder().encode(explanation), as: UTF8.self), seal)
  }

  /// What an error says that a process of the job set a key to; nil where there is none.
  func announcedExplanation(_ key: String, _ seal: JobSeal) throws -> Explanation? {
    try announcement(key, seal).map { text in
      (try? JSONDecoder().decode(Explanation.self, from: Data(text.utf8))) ?? Explanation(Wording(text))
    }
  }

  /// The text that a process of the job set a key to, as soon as there is one; nil after `timeout`. What strangers write
  /// there counts for nothing.
  func announcement(_ key: String, _ seal: JobSeal, waiting timeout: Duration = .zero) throws -> String? {
    let deadline = ContinuousClock.now + timeout
    while true {
      if let text = try value(of: key, waiting: .zero), let opened = seal.opened(text, for: key) { return opened }
      guard ContinuousClock.now < deadline else { return nil }
      usleep(20_000)
    }
  }

  /// Claims a key for this process, by a text that no other one has.
  ///
  /// - Returns: whether no other process of the job had claimed it.
  func claim(_ key: String, _ seal: JobSeal) throws -> Bool {
    let own = seal.sealed("\(UInt64.random(in: 0...UInt64.max))", for: key)
    let found = try value(of: key, settingIfAbsent: own)
    if found == own { return true }
    guard seal.opened(found, for: key) == nil else { return false }
    // A stranger's.
    try set(key, own)
    return true
  }
}
