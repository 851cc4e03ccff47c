//! How long random tests go on.

/// How many rounds of something random: as many as usual, unless somebody has the time for more.
pub(crate) fn rounds(usual: usize) -> usize {
    keyfob_testing::variable("KEYFOB_TEST_ROUNDS").map_or(usual, |text| text.parse().unwrap())
}
