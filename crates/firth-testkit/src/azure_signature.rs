//! Shared access signatures of an Azure account, made with its key as Azure's documentation says: what a user is given instead of the key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;

use crate::servers::Azure;

/// The version of the service whose rules the signatures follow.
const VERSION: &str = "2021-10-04";

impl Azure {
    /// A signature for the whole account: `permissions` such as `rl`, until `expiry`, such as `2099-01-01T00:00:00Z`.
    pub fn account_signature(&self, permissions: &str, expiry: &str) -> String {
        let (services, kinds) = ("b", "sco");
        // The account, sp, ss, srt, st, se, sip, spr, sv, ses; each ends its line.
        let signed =
            format!("{}\n{permissions}\n{services}\n{kinds}\n\n{expiry}\n\n\n{VERSION}\n\n", self.account);
        format!(
            "sv={VERSION}&ss={services}&srt={kinds}&sp={permissions}&se={}&sig={}",
            encoded(expiry),
            encoded(&self.sign(&signed))
        )
    }

    /// A signature for one container of it.
    pub fn container_signature(&self, container: &str, permissions: &str, expiry: &str) -> String {
        let resource = format!("/blob/{}/{container}", self.account);
        // sp, st, se, resource, si, sip, spr, sv, sr, snapshot, ses, rscc, rscd, rsce, rscl, rsct; the last does not end its line.
        let signed = format!("{permissions}\n\n{expiry}\n{resource}\n\n\n\n{VERSION}\nc\n\n\n\n\n\n\n");
        format!(
            "sv={VERSION}&sr=c&sp={permissions}&se={}&sig={}",
            encoded(expiry),
            encoded(&self.sign(&signed))
        )
    }

    fn sign(&self, text: &str) -> String {
        let key = STANDARD.decode(&self.account_key).expect("the key is base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        STANDARD.encode(hmac::sign(&key, text.as_bytes()))
    }
}

/// Percent-encoded, but for letters and digits.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}
