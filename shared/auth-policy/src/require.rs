//! The `require` tree: which providers have to vouch for a request.

use policy_core::ConfigError;
use policy_core::config::{Reader, Wire};
use policy_core::json::Json;

/// `require` as it is written down.
#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::all_or_any))]
pub(crate) struct Config {
    /// One of these providers, or groups of them.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    any_of: Option<Vec<Item>>,
    /// All of these providers, or groups of them.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    all_of: Option<Vec<Item>>,
    /// A request without any credential goes on, nobody vouches, and `authorize` is not asked.
    #[serde(default)]
    optional: bool,
}

/// A provider's name, or a group of names.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Name(String),
    Group(Group),
}

#[derive(Debug, Clone, Wire)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transform = crate::schema::all_or_any))]
pub(crate) struct Group {
    /// One of these providers.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    any_of: Option<Vec<String>>,
    /// All of these providers.
    #[cfg_attr(feature = "schema", schemars(extend("minItems" = 1)))]
    all_of: Option<Vec<String>>,
}

/// A compiled tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Require {
    tree: Node,
    providers: Vec<usize>,
    /// Nobody has to vouch for a request that carries no credential at all.
    pub(crate) optional: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Provider(usize),
    Any(Vec<Node>),
    All(Vec<Node>),
}

impl Require {
    /// Compiles a tree over providers with these names.
    pub(crate) fn compile(config: &Config, providers: &[&str]) -> Result<Self, ConfigError> {
        let tree = branch(config.any_of.as_deref(), config.all_of.as_deref(), |item, place| match item {
            Item::Name(name) => leaf(name, providers),
            Item::Group(group) => {
                branch(group.any_of.as_deref(), group.all_of.as_deref(), |name, _| leaf(name, providers))
                    .map_err(|error| error.under(place))
            }
        })?;
        let mut providers = Vec::new();
        tree.collect(&mut providers);
        Ok(Self { tree, providers, optional: config.optional })
    }

    /// The providers in the tree, in the order they are written, each once.
    pub(crate) fn providers(&self) -> &[usize] {
        &self.providers
    }

    /// True when all providers that are named at the top have to vouch: for one caller, known in several ways.
    pub(crate) fn is_all(&self) -> bool {
        matches!(self.tree, Node::All(_))
    }

    /// True when those who vouch are enough.
    pub(crate) fn is_met(&self, vouches: impl Fn(usize) -> bool + Copy) -> bool {
        self.tree.is_met(vouches)
    }
}

impl Node {
    fn collect(&self, found: &mut Vec<usize>) {
        match self {
            Self::Provider(index) if found.contains(index) => {}
            Self::Provider(index) => found.push(*index),
            Self::Any(nodes) | Self::All(nodes) => nodes.iter().for_each(|node| node.collect(found)),
        }
    }

    fn is_met(&self, vouches: impl Fn(usize) -> bool + Copy) -> bool {
        match self {
            Self::Provider(index) => vouches(*index),
            Self::Any(nodes) => nodes.iter().any(|node| node.is_met(vouches)),
            Self::All(nodes) => nodes.iter().all(|node| node.is_met(vouches)),
        }
    }
}

fn branch<T>(
    any: Option<&[T]>,
    all: Option<&[T]>,
    compile: impl Fn(&T, &str) -> Result<Node, ConfigError>,
) -> Result<Node, ConfigError> {
    let (items, place) = match (any, all) {
        (Some(items), None) => (items, "anyOf"),
        (None, Some(items)) => (items, "allOf"),
        _ => return Err(ConfigError::at("", "give exactly one of anyOf and allOf")),
    };
    if items.is_empty() {
        return Err(ConfigError::at(place, "name at least one provider"));
    }
    let nodes = items
        .iter()
        .enumerate()
        .map(|(index, item)| compile(item, "").map_err(|error| error.under_item(place, index)))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(if any.is_some() { Node::Any(nodes) } else { Node::All(nodes) })
}

fn leaf(name: &str, providers: &[&str]) -> Result<Node, ConfigError> {
    if let Some(index) = providers.iter().position(|known| *known == name) {
        return Ok(Node::Provider(index));
    }
    let known = if providers.is_empty() { "none".to_owned() } else { providers.join(", ") };
    Err(ConfigError::at("", format!("there is no provider named {name:?} (providers: {known})")))
}

impl Wire for Item {
    fn read(json: &Json, reader: &mut Reader) -> Option<Self> {
        match json {
            Json::Text(name) => Some(Self::Name(name.clone())),
            Json::Object(_) => Group::read(json, reader).map(Self::Group),
            _ => reader.mismatch("a provider's name, or {anyOf: [...]} or {allOf: [...]}", json),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn compiled(json: &str) -> Result<Require, String> {
        let config: Config = policy_core::config::parse(json.as_bytes()).map_err(|e| e.to_string())?;
        Require::compile(&config, &["a", "b", "c"]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tree_is_met_by_those_it_names() {
        for (json, met, unmet) in [
            (r#"{"anyOf":["a","b"]}"#, vec!["a", "b", "ab"], vec!["", "c"]),
            (r#"{"allOf":["a","b"]}"#, vec!["ab", "abc"], vec!["a", "b", "ac", ""]),
            (r#"{"anyOf":["a",{"allOf":["b","c"]}]}"#, vec!["a", "bc"], vec!["b", "c", ""]),
            (r#"{"allOf":["a",{"anyOf":["b","c"]}]}"#, vec!["ab", "ac"], vec!["a", "bc", ""]),
        ] {
            let require = compiled(json).unwrap();
            let vouched = |who: &str| require.is_met(|index| who.contains(["a", "b", "c"][index]));
            assert!(met.iter().all(|who| vouched(who)), "{json}");
            assert!(!unmet.iter().any(|who| vouched(who)), "{json}");
        }
    }

    #[test]
    fn a_provider_is_asked_once_however_often_it_is_named() {
        let require = compiled(r#"{"anyOf":["c",{"allOf":["a","c"]}]}"#).unwrap();
        assert_eq!(require.providers(), [2, 0]);
        assert!(!require.optional);
        assert!(compiled(r#"{"anyOf":["a"],"optional":true}"#).unwrap().optional);
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        for (json, expected) in [
            ("{}", "config: give exactly one of anyOf and allOf"),
            (r#"{"anyOf":["a"],"allOf":["b"]}"#, "config: give exactly one of anyOf and allOf"),
            (r#"{"anyOf":[]}"#, "anyOf: name at least one provider"),
            (r#"{"anyOf":["a","x"]}"#, "anyOf[1]: there is no provider named \"x\" (providers: a, b, c)"),
            (r#"{"anyOf":["a",{"allOf":["x"]}]}"#, "anyOf[1].allOf[0]: there is no provider named \"x\""),
            (r#"{"anyOf":["a",{"allOf":[]}]}"#, "anyOf[1].allOf: name at least one provider"),
            (r#"{"anyOf":[{"allOf":[{"anyOf":["a"]}]}]}"#, "anyOf[0].allOf[0]: expected a string, found"),
            (r#"{"anyOf":[{"al":["a"]}]}"#, "anyOf[0].al: unknown field \"al\""),
            (r#"{"anyOf":[3]}"#, "anyOf[0]: expected a provider's name, or {anyOf: [...]} or {allOf: [...]}"),
        ] {
            let message = compiled(json).unwrap_err();
            assert!(message.starts_with(expected), "{json}: {message}");
        }
    }
}
