//! Secrets in a configuration: written out, or the name of an environment variable.

use std::fmt;
use std::rc::Rc;

use super::{ConfigError, Reader, Wire};
use crate::json::Json;

/// Where a plugin's environment variables are looked up (`vmConfig.env` of a WasmPlugin).
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// The name under which the environment says which of the proxy's plugins this is, and says so again after each new
/// configuration. All plugins have one store: who keeps something there for one of them puts this into its name.
pub const PLUGIN: &str = "tollgate.plugin";

/// A secret as it is written down: `"text"` or `{env: NAME}`.
#[derive(Clone)]
pub struct Secret(Written);

#[derive(Clone)]
enum Written {
    Text(SecretText),
    Variable(String),
}

/// The text of a secret. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Rc<str>);

impl Secret {
    /// The secret itself.
    ///
    /// # Errors
    /// Refuses a variable that is not set, and an empty secret: it would let everyone in.
    pub fn resolve(&self, environment: Environment<'_>) -> Result<SecretText, ConfigError> {
        let text = match &self.0 {
            Written::Text(text) => text.clone(),
            Written::Variable(name) => {
                let value = environment(name).ok_or_else(|| {
                    ConfigError::at(
                        "env",
                        format!("the environment variable {name:?} is not set; give it under vmConfig.env"),
                    )
                })?;
                SecretText(value.into())
            }
        };
        if text.0.is_empty() {
            return Err(ConfigError::at("", "a secret must not be empty"));
        }
        Ok(text)
    }
}

impl SecretText {
    /// The text, for the one place that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Written::Text(text) => text.fmt(f),
            Written::Variable(name) => write!(f, "{{env: {name}}}"),
        }
    }
}

impl Wire for Secret {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        let expected = "a string or {env: NAME}";
        match json {
            Json::Text(text) => Some(Self(Written::Text(SecretText(text.as_str().into())))),
            Json::Object(members) => match members.as_slice() {
                [(key, Json::Text(name))] if key == "env" && !name.is_empty() => {
                    Some(Self(Written::Variable(name.clone())))
                }
                _ => reader.refuse(format!("expected {expected}")),
            },
            _ => reader.mismatch(expected, json),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn secret(json: &str) -> Result<Secret, String> {
        crate::config::parse(json.as_bytes()).map_err(|error| error.to_string())
    }

    fn resolved(json: &str) -> Result<String, String> {
        let environment = |name: &str| match name {
            "KEY" => Some("hunter2".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let text = secret(json)?.resolve(&environment).map_err(|error| error.to_string())?;
        Ok(text.reveal().to_owned())
    }

    #[test]
    fn a_secret_is_text_or_a_variable() {
        assert_eq!(resolved(r#""abc""#).unwrap(), "abc");
        assert_eq!(resolved(r#"{"env":"KEY"}"#).unwrap(), "hunter2");
    }

    #[test]
    fn what_would_let_everyone_in_is_refused() {
        for (json, reason) in [
            (r#""""#, "must not be empty"),
            (r#"{"env":"EMPTY"}"#, "must not be empty"),
            (r#"{"env":"NONE"}"#, "env: the environment variable \"NONE\" is not set"),
            (r#"{"evn":"KEY"}"#, "expected a string or {env: NAME}"),
            (r#"{"env":"KEY","or":"x"}"#, "expected a string or {env: NAME}"),
            ("{}", "expected a string or {env: NAME}"),
            ("3", "expected a string or {env: NAME}, found a number"),
        ] {
            let message = resolved(json).unwrap_err();
            assert!(message.contains(reason), "{json}: {message}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = secret(r#""hunter2""#).unwrap();
        let text = secret.resolve(&|_| None).unwrap();
        assert!(!format!("{secret:?} {text:?}").contains("hunter2"));
    }
}
