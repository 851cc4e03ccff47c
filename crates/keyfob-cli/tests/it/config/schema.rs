//! `keyfob config schema`.

use crate::Home;

#[test]
fn the_schemas_in_the_documentation_are_those_that_the_program_prints() {
    let schema = |file: &str| {
        let told = Home::empty().run(&["config", "schema", "--file", file]);
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
        told.stdout
    };

    assert_eq!(schema("own"), include_str!("../../../../../docs/schemas/config-own.json"));
    assert_eq!(schema("shared"), include_str!("../../../../../docs/schemas/config-shared.json"));
    assert_eq!(schema("requirements"), include_str!("../../../../../docs/schemas/config-requirements.json"));
    assert_eq!(Home::empty().run(&["config", "schema"]).stdout, schema("own"));
}
