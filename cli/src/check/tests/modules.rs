//! What `--modules` adds.

use super::*;

#[test]
fn a_module_at_hand_is_looked_into() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let modules = ["--modules", dir];
    assert_eq!(found(&modules, &plugin("a", SHOP, "")), ["spec.url module-missing"]);
    let import = |name: &str| {
        [&[3][..], b"env", &[u8::try_from(name.len()).unwrap()], name.as_bytes(), &[0, 0]].concat()
    };
    let export = |name: &str| [&[u8::try_from(name.len()).unwrap()][..], name.as_bytes(), &[0, 0]].concat();
    let section = |id: u8, items: &[Vec<u8>]| {
        let body = [&[u8::try_from(items.len()).unwrap()][..], &items.concat()].concat();
        [&[id, u8::try_from(body.len()).unwrap()][..], &body].concat()
    };
    let abi = export("proxy_abi_version_0_2_1");
    for (imports, exports, spec, expected) in [
        (vec![import("proxy_log")], vec![abi.clone(), export("proxy_on_request_headers")], "", vec![]),
        (
            vec![import("nothing")],
            vec![abi.clone(), export("proxy_on_request_headers")],
            "",
            vec!["spec.url module-refused"],
        ),
        (vec![], vec![export("proxy_on_request_headers")], "", vec!["spec.url module-refused"]),
        (
            vec![],
            vec![abi.clone(), export("proxy_on_request_headers")],
            "type: NETWORK",
            vec!["spec.type module-type"],
        ),
        (vec![], vec![abi.clone(), export("proxy_on_new_connection")], "", vec!["spec.type module-type"]),
    ] {
        let module = [b"\0asm\x01\0\0\0".as_slice(), &section(2, &imports), &section(7, &exports)].concat();
        std::fs::write(directory.path().join("header-filter.wasm"), &module).unwrap();
        let mut all = found(&modules, &plugin("a", SHOP, spec));
        all.retain(|finding| !finding.ends_with(" module-other"));
        assert_eq!(all, expected, "{spec}");
        let digest = Modules::new(directory.path()).load("oci://x/header-filter").unwrap().digest;
        let hash = format!("url: oci://x/header-filter:1\nsha256: {digest}\n{spec}");
        let all = found(&modules, &plugin("a", SHOP, &hash));
        assert!(all.contains(&"spec.sha256 digest-mismatch".to_owned()), "{all:?}");
        let image = crate::oci::digest(&module).unwrap();
        for (url, expected) in [
            (format!("oci://x/header-filter:1@{image}"), false),
            (format!("oci://x/header-filter:1@sha256:{}", "c".repeat(64)), true),
            (format!("https://x/header-filter.wasm\nsha256: {digest}"), false),
            (format!("https://x/header-filter.wasm\nsha256: {}", "c".repeat(64)), true),
        ] {
            let all = found(&modules, &plugin("a", SHOP, &format!("url: {url}\n{spec}")));
            let other = all.iter().any(|finding| finding.ends_with(" module-other"));
            assert_eq!(other, expected, "{url}: {all:?}");
        }
    }
}
