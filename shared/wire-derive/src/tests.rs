//! What is refused while compiling; what is read is tried in policy-core, with the types that are.

use syn::parse_quote;

use crate::emit::wire;

fn refused(input: &syn::DeriveInput) -> String {
    wire(input).unwrap_err().to_string()
}

#[test]
fn a_struct_reads_its_members_by_the_names_of_its_schema() {
    let code = wire(&parse_quote! {
        #[derive(Wire)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Config {
            max_age: u64,
            #[serde(default, rename = "match")]
            matches: Match,
            #[serde(default = "Bits::v6")]
            bits: Bits,
            comment: Option<String>,
        }
    });
    let code = code.unwrap().to_string();
    for part in [
        r#"& ["maxAge" , "match" , "bits" , "comment"]"#,
        r#"let max_age = reader . required (members , "maxAge")"#,
        r#"let matches = reader . or (members , "match" , :: core :: default :: Default :: default)"#,
        r#"let bits = reader . or (members , "bits" , Bits :: v6)"#,
        r#"let comment = reader . optional (members , "comment")"#,
    ] {
        assert!(code.contains(part), "{part} is not in {code}");
    }
}

#[test]
fn an_enum_of_words_is_read_as_one_and_any_other_with_its_content() {
    let words = wire(&parse_quote! {
        #[serde(rename_all = "camelCase")]
        enum Mode { IfAbsent, Off }
    });
    let words = words.unwrap().to_string();
    assert!(words.contains(r#"reader . word (json , & ["ifAbsent" , "off"])"#), "{words}");
    let words = wire(&parse_quote! {
        #[serde(rename_all = "kebab-case")]
        enum As { SidecarInbound, Gateway }
    });
    let words = words.unwrap().to_string();
    assert!(words.contains(r#"& ["sidecar-inbound" , "gateway"]"#), "{words}");
    let mixed = wire(&parse_quote! {
        #[serde(rename_all = "lowercase")]
        enum Element { Path, Header(HeaderName) }
    });
    let mixed = mixed.unwrap().to_string();
    assert!(mixed.contains(r#"reader . bare ("path" , content , Self :: Path)"#), "{mixed}");
    assert!(mixed.contains(r#"reader . content ("header""#), "{mixed}");
}

#[test]
fn what_would_be_read_in_another_way_than_the_schema_says_does_not_compile() {
    let cases: [(syn::DeriveInput, &str); 11] = [
        (parse_quote! { #[serde(deny_unknown_fields)] enum E { A } }, "Wire knows rename_all of"),
        (
            parse_quote! { #[serde(try_from = "u64", rename_all = "camelCase")] struct S(u64); },
            "Wire knows rename_all of",
        ),
        (parse_quote! { struct Loose { a: u64 } }, "say deny_unknown_fields"),
        (parse_quote! { #[serde(untagged)] enum E { A } }, "Wire does not know this of a type"),
        (
            parse_quote! { #[serde(rename_all = "snake_case")] enum E { A } },
            "camelCase, lowercase or kebab-case",
        ),
        (
            parse_quote! { #[serde(deny_unknown_fields)] struct S { #[serde(flatten)] a: A } },
            "Wire does not know this of a member",
        ),
        (
            parse_quote! { #[serde(deny_unknown_fields)] struct S { #[serde(rename = "b")] a: A, b: A } },
            r#"two members are written "b""#,
        ),
        (parse_quote! { struct Pair(u64, u64); }, "read by try_from"),
        (parse_quote! { enum E { A { b: u64 } } }, "no content, or one value"),
        (parse_quote! { enum E { A(u64, u64) } }, "no content, or one value"),
        (parse_quote! { union U { a: u64 } }, "a union cannot be read"),
    ];
    for (input, message) in cases {
        let said = refused(&input);
        assert!(said.contains(message), "{said}");
    }
}
