//! Tokens as big as Fleet Engine's, which nobody signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// 2026-01-01T00:00:00Z, at which the manual clock begins.
pub(crate) const ISSUED: u64 = 1_767_225_600;

/// As a backend mints it for one vehicle, for an hour.
pub(crate) fn jwt(vehicle: &str) -> String {
    let header = r#"{"alg":"RS256","typ":"JWT","kid":"0123456789abcdef0123456789abcdef01234567"}"#;
    let account = "fleet-driver@example-project.iam.gserviceaccount.com";
    let payload = format!(
        r#"{{"iss":"{account}","sub":"{account}","aud":"https://fleetengine.googleapis.com/","iat":{ISSUED},"exp":{},"authorization":{{"vehicleid":"{vehicle}"}}}}"#,
        ISSUED + 3600
    );
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    // RSA with 2048 bits.
    format!("{}.{}.{}", part(header.as_bytes()), part(payload.as_bytes()), part(&[7; 256]))
}

/// Nothing that could be read, as long as the other.
pub(crate) fn opaque(n: usize) -> String {
    format!("SECRET-TOKEN-{n:0>800}")
}
