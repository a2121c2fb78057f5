import Foundation
#if canImport(Glibc)
import Glibc
#endif

/// A small HTTP/1.1 server on this machine's loopback: one connection at a time, one reply a connection, as bytes.
final class Server: Sendable {
    let port: UInt16
    private let listener: Int32
    private let heard = Locked<[String]>([])

    /// `reply` is given the request's head, and writes to the connection as it likes.
    init(_ reply: @escaping @Sendable (String, Connection) -> Void) throws {
        #if canImport(Glibc)
        let stream = Int32(SOCK_STREAM.rawValue)
        #else
        let stream = SOCK_STREAM
        #endif
        let listener = socket(AF_INET, stream, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        guard bound else { throw Complaint("no port is free") }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        let heard = heard
        Thread.detachNewThread {
            while true {
                let socket = accept(listener, nil, nil)
                if socket < 0 {
                    // Not by whoever lets go of the server: another one's listener may get the number while this thread
                    // is still at its last reply, and lose a connection to it.
                    close(listener)
                    return
                }
                let connection = Connection(socket: socket)
                let head = connection.head()
                heard.with { $0.append(head) }
                reply(head, connection)
                close(socket)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// The heads of the requests that came.
    var requests: [String] { heard.with { $0 } }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    struct Connection: Sendable {
        let socket: Int32

        func head() -> String {
            var bytes: [UInt8] = []
            var byte: UInt8 = 0
            while !bytes.suffix(4).elementsEqual(Array("\r\n\r\n".utf8)), recv(socket, &byte, 1, 0) == 1 {
                bytes.append(byte)
            }
            return String(decoding: bytes, as: UTF8.self)
        }

        /// The next so many bytes.
        func body(_ count: Int) -> String {
            var bytes: [UInt8] = []
            var byte: UInt8 = 0
            while bytes.count < count, recv(socket, &byte, 1, 0) == 1 { bytes.append(byte) }
            return String(decoding: bytes, as: UTF8.self)
        }

        func write(_ text: String) {
            let bytes = Array(text.utf8)
            var sent = 0
            while sent < bytes.count {
                // A client that has left must not end the process by a signal.
                let count = bytes[sent...].withUnsafeBytes {
                    send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return }
                sent += count
            }
        }

        func reply(_ status: String, _ headers: [String] = [], _ body: String = "") {
            let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)", "Connection: close"] + headers
            write(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
        }
    }
}
