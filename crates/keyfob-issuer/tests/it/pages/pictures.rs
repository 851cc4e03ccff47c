//! The pictures of the documentation: `scripts/pictures` writes them.

use super::guest::{Guest, Scheme};
use super::tour::{Stop, tour};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

/// Which stops have a picture, how wide, and in which colours.
const PICTURES: [(Stop, &str, u32, Scheme); 7] = [
    (("sign_in", "for a client"), "sign-in", 480, Scheme::Light),
    (("second_factor", ""), "second-factor", 480, Scheme::Light),
    (("set_up", "for a client"), "set-up", 480, Scheme::Light),
    (("confirm", ""), "confirm", 480, Scheme::Light),
    (("device_approve", "turns codes on"), "device", 480, Scheme::Dark),
    (("account", ""), "account", 480, Scheme::Light),
    (("account", "to be confirmed"), "account-dark-narrow", 320, Scheme::Dark),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_has_a_picture_of_each_of_these_pages() {
    let mut pictures = BTreeMap::new();

    tour(async |guest: &Guest, stop: Stop| {
        for (_, name, width, scheme) in PICTURES.into_iter().filter(|(of, ..)| *of == stop) {
            guest.prefer(scheme).await;
            guest.resize(width).await;
            pictures.insert(format!("{name}.png"), guest.picture().await);
        }
    })
    .await;

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures");
    if keyfob_testing::variable("KEYFOB_WRITE_PICTURES").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, picture) in &pictures {
            std::fs::File::create(folder.join(name)).unwrap().write_all(picture).unwrap();
        }
    }
    assert_eq!(pictures.len(), PICTURES.len());
    let mut there: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "png"))
        .collect();
    there.sort();
    assert_eq!(there, pictures.into_keys().collect::<Vec<_>>(), "`scripts/pictures` writes them");
}
