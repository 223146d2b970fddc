//! Keeps credentials out of what is printed: by the names of the headers and parameters that hold them, and by their
//! values wherever else those turn up.

use policy_core::table::Pairs;
use serde_json::Value;

/// What stands for a credential.
const HIDDEN: &str = "(hidden)";
/// A shorter value would also hide what has nothing to do with it, the word `Bearer` for one.
const SHORTEST: usize = 7;
const HEADERS: [&str; 6] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-forwarded-client-cert"];

/// Where credentials stand, and those of the request at hand.
#[derive(Debug, Default)]
pub(super) struct Hide {
    headers: Vec<String>,
    parameters: Vec<String>,
    values: Vec<String>,
}

impl Hide {
    /// Adds the places that a plugin's configuration reads credentials from.
    pub(super) fn add_places(&mut self, config: &Value) {
        match config {
            Value::Array(items) => items.iter().for_each(|item| self.add_places(item)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value {
                        Value::Array(places) if key.starts_with("from") => {
                            places.iter().for_each(|place| self.add_place(key, place));
                        }
                        _ => self.add_places(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn add_place(&mut self, key: &str, place: &Value) {
        let text = |field: &str| place.get(field).and_then(Value::as_str).map(str::to_ascii_lowercase);
        self.headers.extend(text("header").or_else(|| text("name")));
        self.parameters.extend(place.get("query").and_then(Value::as_str).map(str::to_owned));
        if key == "fromParams" {
            self.parameters.extend(place.as_str().map(str::to_owned));
        }
    }

    /// Takes the credentials of a request.
    pub(super) fn take(&mut self, request: &Pairs) {
        self.values.clear();
        for (name, value) in request {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            if name == ":path" {
                let query = value.split_once('?').map(|(_, query)| query).unwrap_or_default();
                let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                let secret = pairs.filter(|(name, _)| self.parameters.iter().any(|known| known == name));
                self.values.extend(secret.map(|(_, value)| value.to_owned()));
            } else if self.is_secret(&name) {
                let parts = value
                    .split([' ', ';', ','])
                    .map(|part| part.split_once('=').map_or(part, |(_, value)| value));
                self.values.extend(parts.chain([&*value]).map(str::to_owned));
            }
        }
        self.values.retain(|value| value.len() >= SHORTEST);
        // The whole before its parts.
        self.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// A header's value as it may be printed.
    pub(super) fn value(&self, name: &str, value: &[u8]) -> String {
        let value = String::from_utf8_lossy(value);
        if !self.is_secret(name) {
            return self.text(&value);
        }
        if name == "set-cookie" {
            let (cookie, attributes) = value.split_once(';').unwrap_or((&*value, ""));
            let name = cookie.split('=').next().unwrap_or_default();
            let mark = if attributes.is_empty() { "" } else { ";" };
            return format!("{name}={HIDDEN}{mark}{attributes}");
        }
        match value.split_once(' ') {
            Some((scheme, _)) if name.ends_with("authorization") => format!("{} {HIDDEN}", printable(scheme)),
            _ => HIDDEN.to_owned(),
        }
    }

    /// Any other text as it may be printed.
    pub(super) fn text(&self, text: &str) -> String {
        let hidden =
            self.values.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), HIDDEN));
        printable(&hidden)
    }

    fn is_secret(&self, name: &str) -> bool {
        HEADERS.contains(&name) || self.headers.iter().any(|known| known == name)
    }
}

/// On one line, and without what moves a terminal's cursor.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hide(request: &[(&str, &str)]) -> Hide {
        let mut hide = Hide::default();
        hide.add_places(&json!({"providers": [
            {"apiKey": {"from": [{"header": "X-Partner"}, {"query": "api_key"}]}},
            {"jwt": {"fromHeaders": [{"name": "x-jwt", "prefix": "Bearer "}], "fromParams": ["token"]}},
        ], "rules": [{"request": {"copy": [{"from": "x-user", "to": "x-who"}]}}]}));
        let pairs = request.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        hide.take(&pairs.collect());
        hide
    }

    #[test]
    fn what_holds_credentials_is_not_printed() {
        let hide = hide(&[]);
        for (name, value, shown) in [
            ("authorization", "Bearer abc.def", "Bearer (hidden)"),
            ("authorization", "abc", "(hidden)"),
            ("cookie", "session=1", "(hidden)"),
            ("set-cookie", "session=1; Path=/; Secure", "session=(hidden); Path=/; Secure"),
            ("set-cookie", "session=1", "session=(hidden)"),
            ("x-partner", "key", "(hidden)"),
            ("x-jwt", "Bearer key", "(hidden)"),
            ("x-user", "ann", "ann"),
            ("x-user", "a\u{1b}[31m\n", "a\\u{1b}[31m\\n"),
        ] {
            assert_eq!(hide.value(name, value.as_bytes()), shown, "{name}: {value}");
        }
    }

    #[test]
    fn a_credential_is_not_printed_where_it_turns_up_elsewhere() {
        let request = [
            (":path", "/p?api_key=query-secret&a=plain-text&token=param-secret"),
            ("authorization", "Bearer token-secret"),
            ("cookie", "a=cookie-secret; b=x"),
            ("x-partner", "partner-secret"),
        ];
        let hide = hide(&request);
        for (text, shown) in [
            ("/p?api_key=query-secret&a=plain-text", "/p?api_key=(hidden)&a=plain-text"),
            ("[token-secret] [Bearer token-secret]", "[(hidden)] [(hidden)]"),
            ("cookie-secret, param-secret, partner-secret", "(hidden), (hidden), (hidden)"),
            ("x Bearer", "x Bearer"),
        ] {
            assert_eq!(hide.text(text), shown);
        }
    }
}
