//! The schema of token replies that backends are told, `docs/token-response.schema.json`, as a judge.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

/// The schema, compiled.
pub struct ReplySchema(jsonschema::Validator);

impl ReplySchema {
    /// Reads it from the checkout.
    pub fn read(root: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(root.join("docs/token-response.schema.json"))?;
        let schema: Value = serde_json::from_str(&text)?;
        jsonschema::draft202012::meta::validate(&schema).map_err(|error| io::Error::other(error.to_string()))?;
        jsonschema::draft202012::new(&schema).map(Self).map_err(|error| io::Error::other(error.to_string()))
    }

    /// Whether it is a reply that the SDK reads.
    pub fn accepts(&self, reply: &Value) -> bool {
        self.0.is_valid(reply)
    }
}
