import Errors

extension Setting {
  /// ``World/Options/timeout``.
  public static let exchangeTimeout = Setting("the time that an exchange may take")
  /// ``World/Options/interface``.
  public static let networkInterface = Setting("the network interface")
  /// ``Carrier/Offer``.
  public static let exchangeBackend = Setting("what carries exchanges")
  /// ``World/Options/batchNormRanks``.
  public static let batchNormRanks = Setting("the ranks that share statistics")
}
