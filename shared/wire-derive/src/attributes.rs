//! What `#[serde(..)]` says.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, ExprPath, Ident, LitStr, Path, Result, Type};

/// What is said of a type.
#[derive(Default)]
pub(crate) struct Container {
    pub(crate) case: Case,
    pub(crate) is_strict: bool,
    pub(crate) try_from: Option<Type>,
    pub(crate) expecting: Option<LitStr>,
}

/// What is said of a field or a variant.
#[derive(Default)]
pub(crate) struct Member {
    pub(crate) rename: Option<String>,
    pub(crate) default: Option<Path>,
}

/// How names are written.
#[derive(Default, Clone, Copy)]
pub(crate) enum Case {
    #[default]
    AsIs,
    Camel,
    Lower,
    Kebab,
}

impl Case {
    /// A field's name (`max_keys`) as it is written.
    pub(crate) fn of_field(self, name: &Ident) -> String {
        let name = name.to_string();
        match self {
            Self::AsIs | Self::Lower => name,
            Self::Kebab => name.replace('_', "-"),
            Self::Camel => {
                let mut words = name.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |name, word| name + &capitalized(word))
            }
        }
    }

    /// A variant's name (`FilterState`) as it is written.
    pub(crate) fn of_variant(self, name: &Ident) -> String {
        let name = name.to_string();
        match self {
            Self::AsIs => name,
            Self::Lower => name.to_lowercase(),
            Self::Kebab => {
                let words = name.chars().flat_map(|letter| {
                    let dash = letter.is_uppercase().then_some('-');
                    dash.into_iter().chain(letter.to_lowercase())
                });
                words.skip(1).collect()
            }
            Self::Camel => {
                let mut letters = name.chars();
                letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
            }
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

pub(crate) fn container(attributes: &[Attribute]) -> Result<Container> {
    let mut found = Container::default();
    each(attributes, |meta| {
        if meta.path.is_ident("rename_all") {
            let case: LitStr = meta.value()?.parse()?;
            found.case = match case.value().as_str() {
                "camelCase" => Case::Camel,
                "lowercase" => Case::Lower,
                "kebab-case" => Case::Kebab,
                _ => {
                    return Err(Error::new(
                        case.span(),
                        "names are written in camelCase, lowercase or kebab-case",
                    ));
                }
            };
        } else if meta.path.is_ident("deny_unknown_fields") {
            found.is_strict = true;
        } else if meta.path.is_ident("try_from") {
            found.try_from = Some(meta.value()?.parse::<LitStr>()?.parse()?);
        } else if meta.path.is_ident("expecting") {
            found.expecting = Some(meta.value()?.parse()?);
        } else {
            return Err(meta.error("Wire does not know this of a type; see wire-derive for what it knows"));
        }
        Ok(())
    })?;
    Ok(found)
}

pub(crate) fn member(attributes: &[Attribute]) -> Result<Member> {
    let mut found = Member::default();
    each(attributes, |meta| {
        if meta.path.is_ident("rename") {
            found.rename = Some(meta.value()?.parse::<LitStr>()?.value());
        } else if meta.path.is_ident("default") {
            let path = if meta.input.peek(syn::Token![=]) { path(&meta)? } else { default_of_the_type() };
            found.default = Some(path);
        } else {
            return Err(meta.error("Wire does not know this of a member; see wire-derive for what it knows"));
        }
        Ok(())
    })?;
    Ok(found)
}

fn path(meta: &ParseNestedMeta<'_>) -> Result<Path> {
    meta.value()?.parse::<LitStr>()?.parse::<ExprPath>().map(|expression| expression.path)
}

fn default_of_the_type() -> Path {
    syn::parse_quote!(::core::default::Default::default)
}

fn each(attributes: &[Attribute], mut read: impl FnMut(ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
        .try_for_each(|attribute| attribute.parse_nested_meta(&mut read))
}

/// The names of a type's members; a name that is there twice could only be read once.
pub(crate) fn all_apart(names: &[String], place: &Ident) -> Result<()> {
    for (index, name) in names.iter().enumerate() {
        if names.iter().skip(index.saturating_add(1)).any(|other| other == name) {
            return Err(Error::new(place.span(), format!("two members are written {name:?}")));
        }
    }
    Ok(())
}

/// What the `Option` holds; nothing for any other type.
pub(crate) fn inside_option(of: &Type) -> Option<&Type> {
    let Type::Path(path) = of else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(inside) => Some(inside),
        _ => None,
    }
}
