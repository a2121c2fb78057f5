import Foundation

/// Where a URL leads, without its path: RFC 6454.
struct Origin: Hashable {
    let scheme: String?
    let host: String?
    let port: Int?

    init(_ url: URL) {
        scheme = url.scheme?.lowercased()
        host = url.host?.lowercased()
        port = url.port ?? (scheme == "https" ? 443 : scheme == "http" ? 80 : nil)
    }
}

extension Origin: CustomStringConvertible {
    /// Without what a URL may hold beside it, a password among that.
    var description: String {
        "\(scheme ?? "")://\(host ?? "")" + (port.map { ":\($0)" } ?? "")
    }
}
