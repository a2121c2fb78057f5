//! Replies that are too much: over the limit, without end, compressed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleet_token::{ResponseError, TokenError, TokenErrorKind, TransportError};
use tokio::io::AsyncWriteExt;

use super::Sick;
use crate::sockets::{read_head, reply};

/// `{"token":"SECRET-TOKEN-GZIP","expiresInSeconds":3600}`, by gzip: whoever unpacks it finds a good token.
const PACKED: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\xc9\xcf\x4e\xcd\x53\xb2\x52\x0a\x76\x75\x0e\
    \x72\x0d\xd1\x0d\xf1\xf7\x76\xf5\xd3\x75\x8f\xf2\x0c\x50\xd2\x51\x4a\xad\x28\xc8\x2c\x4a\x2d\xf6\xcc\x0b\x4e\x4d\xce\
    \xcf\x4b\x29\x56\xb2\x32\x36\x33\x30\xa8\xe5\x02\x00\x95\xf3\xba\xfd\x36\x00\x00\x00";

fn is_too_large(error: &TokenError) -> bool {
    matches!(error, TokenError::BadResponse(ResponseError::TooLarge { limit: 65_536 }))
}

#[tokio::test]
async fn a_body_over_64_kib_is_refused_however_its_length_is_told() {
    let token = r#"{"token":"SECRET-TOKEN-1","expiresInSeconds":3600,"pad":""#;
    let body = format!("{token}{}\"}}", " ".repeat(65_537 - token.len() - 2));
    assert_eq!(body.len(), 65_537);
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (what, bytes) in [
        ("one byte over, announced", reply("200 OK", "", &body)),
        ("one byte over, unannounced", format!("HTTP/1.1 200 OK\r\n\r\n{body}")),
        ("one byte over, in a chunk", chunked),
        ("far over, announced", reply("200 OK", "", &body.repeat(20))),
        ("an exabyte announced", format!("HTTP/1.1 200 OK\r\ncontent-length: 1152921504606846976\r\n\r\n{body}")),
    ] {
        Sick::sends(bytes).await.is_endured(what, is_too_large).await;
    }
}

/// Sends `head` and then `more` again and again until the client has gone. Counts what was sent.
async fn floods(head: &'static str, more: &[u8]) -> (Sick, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let (counter, more) = (Arc::clone(&sent), Arc::new(more.to_vec()));
    let sick = Sick::connections(move |mut stream| {
        let (counter, more) = (Arc::clone(&counter), Arc::clone(&more));
        async move {
            let _ = read_head(&mut stream).await;
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&more).await.is_ok() {
                counter.fetch_add(more.len(), Ordering::SeqCst);
            }
        }
    })
    .await;
    (sick, sent)
}

#[tokio::test]
async fn what_comes_without_end_is_cut() {
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096)).into_bytes();
    for (what, head, more) in [
        ("a body", "HTTP/1.1 200 OK\r\n\r\n", &[b' '; 4096][..]),
        ("chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", &chunk),
    ] {
        let (sick, sent) = floods(head, more).await;
        sick.is_endured(what, is_too_large).await;
        assert!(sent.load(Ordering::SeqCst) < 64 << 20, "{what}: the rest was read all the same");
    }
    // A head has a bound of the HTTP library's own.
    for (what, head, more) in [
        ("a header", "HTTP/1.1 200 OK\r\nx-pad: ", &[b'a'; 4096][..]),
        ("headers", "HTTP/1.1 200 OK\r\n", b"x-pad: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
        ("a chunk's extension", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", &[b'a'; 4096]),
        (
            "trailers",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            b"x-pad: aaaaaaaaaaaaaaaaaaaaaa\r\n",
        ),
    ] {
        let (sick, sent) = floods(head, more).await;
        sick.is_endured(what, |error| {
            error.kind() == TokenErrorKind::Transport
                && matches!(error, TokenError::Transport(TransportError::Interrupted))
        })
        .await;
        assert!(sent.load(Ordering::SeqCst) < 64 << 20, "{what}: the rest was read all the same");
    }
}

#[tokio::test]
async fn a_compressed_reply_is_not_asked_for_and_not_unpacked() {
    let asked_for = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked_for);
    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip"] {
        let counter = Arc::clone(&counter);
        let sick = Sick::connections(move |mut stream| {
            let counter = Arc::clone(&counter);
            async move {
                let Some(head) = read_head(&mut stream).await else { return };
                counter.fetch_add(usize::from(head.to_ascii_lowercase().contains("accept-encoding")), Ordering::SeqCst);
                let length = PACKED.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {length}\r\n\r\n");
                let _ = stream.write_all(&[head.as_bytes(), PACKED].concat()).await;
            }
        })
        .await;
        let is_unreadable = |error: &TokenError| {
            matches!(error, TokenError::BadResponse(ResponseError::NotJson)) && error.is_retryable()
        };
        sick.is_endured(encoding, is_unreadable).await;
    }
    assert_eq!(asked_for.load(Ordering::SeqCst), 0, "requests that asked for compression");
}
