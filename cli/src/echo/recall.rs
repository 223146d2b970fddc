//! What has arrived at an echo, as JSON: each byte of a value or a body is one character.

use serde_json::{Value, json};

use super::Arrived;

/// What an echo hands out.
pub(super) fn written(all: &[Arrived]) -> String {
    let one = |arrived: &Arrived| {
        let headers: Vec<Value> =
            arrived.headers.iter().map(|(name, value)| json!([name, characters(value)])).collect();
        json!({
            "method": arrived.method,
            "path": arrived.path,
            "authority": characters(&arrived.authority),
            "protocol": arrived.protocol,
            "headers": headers,
            "body": characters(&arrived.body),
        })
    };
    Value::Array(all.iter().map(one).collect()).to_string()
}

/// Reads what an echo handed out; nothing when that is something else.
#[must_use]
pub fn recalled(text: &str) -> Option<Vec<Arrived>> {
    let all: Value = serde_json::from_str(text).ok()?;
    all.as_array()?.iter().map(one).collect()
}

fn one(value: &Value) -> Option<Arrived> {
    let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
    let headers = value
        .get("headers")?
        .as_array()?
        .iter()
        .map(|pair| Some((pair.get(0)?.as_str()?.to_owned(), bytes(pair.get(1)?.as_str()?)?)));
    Some(Arrived {
        method: text("method")?,
        path: text("path")?,
        authority: bytes(&text("authority")?)?,
        protocol: text("protocol")?,
        headers: headers.collect::<Option<_>>()?,
        body: bytes(&text("body")?)?,
    })
}

fn characters(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(character).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_is_recalled_byte_for_byte() {
        let arrived = Arrived {
            method: "POST".to_owned(),
            path: "/a?b=\"c\"".to_owned(),
            authority: b"shop".to_vec(),
            protocol: "HTTP/2.0".to_owned(),
            headers: vec![("x-a".to_owned(), vec![0xff, b'"', 0x80]), ("x-a".to_owned(), Vec::new())],
            body: (0..=255).collect(),
        };
        let recalled = recalled(&written(&[arrived.clone(), arrived.clone()])).unwrap();
        assert_eq!(recalled.len(), 2);
        for again in recalled {
            assert_eq!(format!("{again:?}"), format!("{arrived:?}"));
        }
    }

    #[test]
    fn what_no_echo_wrote_is_not_recalled() {
        for text in ["", "{}", "[{}]", r#"[{"method":"GET"}]"#, "[1]"] {
            assert!(recalled(text).is_none(), "{text}");
        }
        let wide = written(&[]).replace(
            "[]",
            r#"[{"method":"GET","path":"/","authority":"ā","protocol":"x","headers":[],"body":""}]"#,
        );
        assert!(recalled(&wide).is_none(), "a character that is no byte");
    }
}
