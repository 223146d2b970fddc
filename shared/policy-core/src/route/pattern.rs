//! Path patterns: `exact`, `prefix` by segment, `template`, `regex`.

use crate::config::Wire;

use super::path::NormalPath;
use crate::regex::Regex;
use raw::bytes::same;

/// One way to name paths.
#[derive(Debug, Clone, Wire)]
#[serde(try_from = "Written")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "Written", extend("minProperties" = 1, "maxProperties" = 1))
)]
pub struct PathPattern(Kind);

#[derive(Debug, Clone, Wire)]
#[serde(deny_unknown_fields, expecting = "an object such as {prefix: /api}")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Written {
    /// This path and no other.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r#"^(/[!"$->@-\[\]-~]*|\*)$"#)))]
    exact: Option<String>,
    /// This path and what is below it, by whole segments.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r#"^(/[!"$->@-\[\]-~]*|\*)$"#)))]
    prefix: Option<String>,
    /// Segments: literal text, `*` or `{name}` (one segment), `**` (the rest).
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = r#"^/"#)))]
    template: Option<String>,
    /// An expression that matches the whole path.
    regex: Option<String>,
}

#[derive(Debug, Clone)]
enum Kind {
    Exact(NormalPath<'static>),
    /// Without its trailing slash, so that `/` is empty.
    Prefix(Vec<u8>),
    Template(Vec<Segment>),
    Regex(Regex),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(Vec<u8>),
    /// `*` or `{name}`: one segment that is not empty.
    One(Option<String>),
    /// `**`: any number of segments; the last one.
    Rest,
}

impl PathPattern {
    /// True when the path is meant.
    #[must_use]
    pub fn matches(&self, path: &NormalPath<'_>) -> bool {
        match &self.0 {
            Kind::Exact(exact) => same(path.as_bytes(), exact.as_bytes()),
            Kind::Prefix(prefix) => path
                .as_bytes()
                .strip_prefix(prefix.as_slice())
                .is_some_and(|rest| matches!(rest.first(), None | Some(b'/'))),
            Kind::Template(segments) => template_matches(segments, path),
            Kind::Regex(regex) => regex.is_match(path.as_bytes()),
        }
    }

    /// True for a template with `{name}` in it.
    #[must_use]
    pub fn captures(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// The segment that stands for `{name}` in a path that matches, in normal form.
    #[must_use]
    pub fn capture<'p>(&self, name: &str, path: &'p NormalPath<'_>) -> Option<&'p [u8]> {
        let place = self.place(name)?;
        self.matches(path).then(|| path.segments().nth(place)).flatten()
    }

    fn place(&self, name: &str) -> Option<usize> {
        match &self.0 {
            Kind::Template(segments) => segments
                .iter()
                .position(|segment| matches!(segment, Segment::One(Some(known)) if known == name)),
            _ => None,
        }
    }
}

fn template_matches(template: &[Segment], path: &NormalPath<'_>) -> bool {
    let mut segments = path.segments();
    for expected in template {
        let found = match expected {
            Segment::Rest => return true,
            Segment::One(_) => segments.next().is_some_and(|segment| !segment.is_empty()),
            Segment::Literal(literal) => segments.next() == Some(literal),
        };
        if !found {
            return false;
        }
    }
    segments.next().is_none()
}

impl TryFrom<Written> for PathPattern {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { exact, prefix, template, regex } = written;
        Ok(Self(match (exact, prefix, template, regex) {
            (Some(path), None, None, None) => Kind::Exact(normal(&path)?),
            (None, Some(path), None, None) => {
                let path = normal(&path)?.as_bytes().to_vec();
                Kind::Prefix(path.strip_suffix(b"/").unwrap_or(&path).to_vec())
            }
            (None, None, Some(template), None) => Kind::Template(parse_template(&template)?),
            (None, None, None, Some(pattern)) => Kind::Regex(Regex::whole(&pattern)?),
            _ => return Err("give exactly one of exact, prefix, template, regex".to_owned()),
        }))
    }
}

/// A path that a configuration names has to be in normal form already, or it could never match.
fn normal(path: &str) -> Result<NormalPath<'static>, String> {
    let normal = NormalPath::read(path.as_bytes()).ok_or_else(|| {
        format!("{path:?} is not a plain path: start with /, no dot segments, no encoded slash, no blank")
    })?;
    if normal.as_bytes() != path.as_bytes() {
        return Err(format!(
            "write {:?}: paths are compared in that form",
            str::from_utf8(normal.as_bytes()).unwrap_or_default()
        ));
    }
    Ok(normal.into_owned())
}

fn parse_template(template: &str) -> Result<Vec<Segment>, String> {
    let rest = template.strip_prefix('/').ok_or("a template starts with /")?;
    let mut segments = Vec::new();
    for segment in rest.split('/') {
        if segments.last() == Some(&Segment::Rest) {
            return Err("** stands for the rest of the path: nothing may follow it".to_owned());
        }
        let segment = parse_segment(segment)?;
        if matches!(segment, Segment::One(Some(_))) && segments.contains(&segment) {
            return Err("the template names two segments alike".to_owned());
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn parse_segment(segment: &str) -> Result<Segment, String> {
    let inner = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
    match (segment, inner) {
        ("*", _) | (_, Some("*")) => Ok(Segment::One(None)),
        ("**", _) | (_, Some("**")) => Ok(Segment::Rest),
        (_, Some(name)) if is_name(name) => Ok(Segment::One(Some(name.to_owned()))),
        _ if segment.contains(['*', '{', '}']) => Err(format!(
            "{segment:?}: a template segment is literal text, * (one segment), {{name}} (one, named) or ** (the rest)"
        )),
        _ => {
            Ok(Segment::Literal(normal(&format!("/{segment}"))?.as_bytes().iter().skip(1).copied().collect()))
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn pattern(json: &str) -> Result<PathPattern, String> {
        crate::config::parse(json.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_kind_matches_what_it_says() {
        for (json, yes, no) in [
            (r#"{"exact":"/a"}"#, vec!["/a", "/%61", "/a;v=1"], vec!["/a/", "/ab", "/"]),
            (r#"{"prefix":"/api"}"#, vec!["/api", "/api/", "/api/x", "//api/x"], vec!["/apix", "/ap", "/"]),
            (r#"{"prefix":"/api/"}"#, vec!["/api", "/api/x"], vec!["/apix"]),
            (r#"{"prefix":"/"}"#, vec!["/", "/x"], vec!["*"]),
            (r#"{"template":"/t/{tenant}/*"}"#, vec!["/t/a/b"], vec!["/t/a", "/t//b", "/t/a/b/c", "/t/a/"]),
            (r#"{"template":"/t/**"}"#, vec!["/t/a", "/t/a/b", "/t", "/t/"], vec!["/x", "/"]),
            (r#"{"template":"/{*}/x/{**}"}"#, vec!["/a/x/b/c"], vec!["/a/b"]),
            (r#"{"regex":"/v[0-9]+/.*"}"#, vec!["/v1/x", "/v22/"], vec!["/v1", "/x/v1/x"]),
        ] {
            let pattern = pattern(json).unwrap();
            for path in yes {
                assert!(pattern.matches(&NormalPath::read(path.as_bytes()).unwrap()), "{json} {path}");
            }
            for path in no {
                assert!(!pattern.matches(&NormalPath::read(path.as_bytes()).unwrap()), "{json} {path}");
            }
        }
    }

    #[test]
    fn a_template_gives_what_its_names_stand_for() {
        let template = pattern(r#"{"template":"/t/{tenant}/x/{id}"}"#).unwrap();
        let path = NormalPath::read(b"/t/%61cme;v=1//x/7?q").unwrap();
        assert_eq!(template.capture("tenant", &path), Some(b"acme".as_slice()));
        assert_eq!(template.capture("id", &path), Some(b"7".as_slice()));
        assert_eq!(template.capture("other", &path), None);
        assert_eq!(template.capture("id", &NormalPath::read(b"/t/a/y/7").unwrap()), None);
        assert!(template.captures("id") && !template.captures("x"));
    }

    #[test]
    fn a_pattern_that_could_never_match_is_refused() {
        for (json, reason) in [
            (r#"{"exact":"a"}"#, "start with /"),
            (r#"{"prefix":"/a//b"}"#, "write \"/a/b\""),
            (r#"{"exact":"/a/../b"}"#, "dot segments"),
            (r#"{"template":"/**/a"}"#, "nothing may follow"),
            (r#"{"template":"/a*b"}"#, "literal text"),
            (r#"{"template":"a"}"#, "starts with /"),
            (r#"{"template":"/{a}/{a}"}"#, "two segments alike"),
            (r#"{"regex":"("}"#, "not a regular expression"),
            (r#"{"prefx":"/"}"#, "did you mean \"prefix\"?"),
        ] {
            let message = pattern(json).unwrap_err();
            assert!(message.contains(reason), "{json}: {message}");
        }
    }
}
