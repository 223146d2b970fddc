//! Each module keeps to the size that its README states.

use std::fs;
use std::path::Path;

#[test]
fn a_module_is_no_larger_than_its_readme_says() {
    let filters = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters");
    let mut seen = 0;
    for filter in fs::read_dir(filters).unwrap() {
        let folder = filter.unwrap().path();
        let Ok(readme) = fs::read_to_string(folder.join("README.md")) else { continue };
        let stated = readme.split("<!-- size -->").nth(1).unwrap_or_else(|| panic!("no size in {folder:?}"));
        let budget: u64 = stated.trim_end_matches(" kB").parse().unwrap();
        let name = folder.file_name().unwrap().to_str().unwrap();
        let module = e2e::dist().join(format!("{name}.wasm"));
        let size = fs::metadata(&module)
            .unwrap_or_else(|error| panic!("{module:?}: {error}; run `make build`"))
            .len();
        assert!(size <= budget * 1000, "{name} has {size} bytes, its README allows {budget} kB");
        seen += 1;
    }
    assert!(seen >= 1);
}
