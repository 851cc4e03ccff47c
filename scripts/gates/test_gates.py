#!/usr/bin/env python3
"""Plants a violation before each gate and expects to see it caught."""

import tempfile
import unittest
from pathlib import Path

import advisories
import banned
import bound_sql
import dependency_direction
import file_length
import licences
import release_symbols
import template_words
from graph import Crate, parse_tree

TREE = """\
0keyfob-e2e v0.1.0 (/repo/crates/keyfob-e2e);MIT OR Apache-2.0
1fantoccini v0.22.1;MIT OR Apache-2.0
2webdriver v0.53.0;MPL-2.0
1serde_derive v1.0.229 (proc-macro);MIT OR Apache-2.0

0keyfob-cli v0.1.0 (/repo/crates/keyfob-cli);MIT OR Apache-2.0
1fantoccini v0.22.1;MIT OR Apache-2.0 (*)
"""


def crate(name, version="1.0.0", licence="MIT", parents=()):
    return {(name, version): Crate(name, version, licence, {(parent, "1.0.0") for parent in parents})}


class Graph(unittest.TestCase):
    def test_a_tree_is_read_with_its_parents_and_licences(self):
        crates = parse_tree(TREE)
        self.assertEqual(crates["fantoccini", "0.22.1"].parents, {("keyfob-e2e", "0.1.0"), ("keyfob-cli", "0.1.0")})
        self.assertEqual(crates["webdriver", "0.53.0"].licence, "MPL-2.0")
        self.assertEqual(crates["serde_derive", "1.0.229"].parents, {("keyfob-e2e", "0.1.0")})

    def test_an_unknown_line_is_an_error_and_not_a_crate_overlooked(self):
        with self.assertRaises(ValueError):
            parse_tree("warning: something else\n")


class FileLength(unittest.TestCase):
    def test_a_long_source_file_is_caught_wherever_it_is(self):
        with tempfile.TemporaryDirectory() as root:
            (Path(root) / "scripts").mkdir()
            for name in ("long.rs", "scripts/long", "prose.md"):
                (Path(root) / name).write_text("line\n" * 401)
            (Path(root) / "short.rs").write_text("line\n" * 400)
            found = list(file_length.too_long(Path(root), ["long.rs", "scripts/long", "prose.md", "short.rs"]))
        self.assertEqual(
            found, ["long.rs has 401 lines; the limit is 400", "scripts/long has 401 lines; the limit is 400"]
        )


class TemplateWords(unittest.TestCase):
    def test_words_are_caught_wherever_people_would_read_them(self):
        for text in [
            "<h1>Sign in</h1>",
            "<h1>{{ title }}!</h1><p>ой",
            '<figure aria-label="QR code"></figure>',
            '<input placeholder="Name">',
            '{% if on %}{{ "Turn it on" }}{% endif %}',
        ]:
            with self.subTest(text=text):
                self.assertEqual(len(list(template_words.words("page.html", text))), 1)
        self.assertEqual(len(list(template_words.words("letter.txt", "Dear {{ name }},"))), 1)

    def test_tags_names_addresses_and_comments_are_no_words(self):
        page = '{# Why. #}<a id="next" href="{{ next }}">{{ TEXT.home.link("next", "/a/b", TEXT.home.words) }}</a> ·'
        self.assertEqual(list(template_words.words("page.html", page)), [])


class BoundSql(unittest.TestCase):
    def test_a_statement_that_is_made_at_run_time_is_caught(self):
        for text in [
            'sqlx::query(AssertSqlSafe(format!("SELECT * FROM users WHERE email = \'{email}\'")))',
            "sqlx::raw_sql(text).execute(connection)",
            "let mut builder = QueryBuilder::new(start);",
            '"SELECT * FROM users WHERE email LIKE $1"',
        ]:
            with self.subTest(text=text):
                self.assertEqual(len(list(bound_sql.violations("keyfob-issuer-sql/src/table/users.rs", text))), 1)

    def test_bound_parameters_and_constant_patterns_are_no_offence(self):
        for text in [
            'self.sql("SELECT * FROM users WHERE email = $1").bind(email)',
            "\"m.name NOT LIKE 'sqlite%'\"",
            "\"WHERE name LIKE $1 ESCAPE '!'\"",
        ]:
            self.assertEqual(list(bound_sql.violations("keyfob-issuer-sql/src/table/users.rs", text)), [])


class DependencyDirection(unittest.TestCase):
    def judge(self, name, other, kind=None):
        package = {"name": name, "dependencies": [{"name": other, "kind": kind}]}
        return list(dependency_direction.violations([package]))

    def test_upward_sideways_and_homeless_dependencies_are_caught(self):
        for name, other in [
            ("keyfob-oauth", "keyfob-jose"),
            ("keyfob-issuer", "keyfob-client"),
            ("keyfob-gateway", "keyfob-issuer-core"),
            ("keyfob-issuer-core", "tokio"),
            ("keyfob-issuer-core", "sqlx"),
            ("keyfob-client", "clap"),
            ("keyfob-e2e", "clap"),
            ("keyfob-stranger", "serde"),
        ]:
            with self.subTest(name=name, other=other):
                self.assertNotEqual(self.judge(name, other), [])

    def test_a_build_dependency_counts_and_a_test_dependency_does_not(self):
        self.assertEqual(len(self.judge("keyfob-issuer-core", "tokio", "build")), 1)
        self.assertEqual(self.judge("keyfob-issuer-core", "tokio", "dev"), [])

    def test_what_a_feature_brings_in_is_optional_and_named_in_its_place_alone(self):
        def judge(optional, features):
            dependency = {"name": "keyfob-client", "kind": None, "optional": optional}
            package = {"name": "keyfob-gateway", "dependencies": [dependency], "features": features}
            return len(list(dependency_direction.violations([package])))

        self.assertEqual(judge(True, {"local": ["dep:keyfob-client"]}), 0)
        self.assertEqual(judge(False, {"local": []}), 1)
        self.assertEqual(judge(True, {"other": ["dep:keyfob-client"]}), 1)
        text = "use keyfob_client::Home;"
        strays = dependency_direction.strays
        self.assertEqual(list(strays("keyfob-gateway", [("src/local/person.rs", text)])), [])
        self.assertEqual(len(list(strays("keyfob-gateway", [("src/gateway.rs", text)]))), 1)


class Licences(unittest.TestCase):
    def test_expressions_are_read_as_spdx_means_them(self):
        allowed = {"MIT", "Apache-2.0 WITH LLVM-exception"}
        for expression, expected in [
            ("MIT", True),
            ("GPL-3.0 OR MIT", True),
            ("GPL-3.0/MIT", True),
            ("GPL-3.0 AND MIT", False),
            ("(GPL-3.0 OR MIT) AND MIT", True),
            ("MIT AND (GPL-3.0 OR LGPL-3.0)", False),
            ("Apache-2.0 WITH LLVM-exception", True),
            ("Apache-2.0", False),
            ("", False),
        ]:
            with self.subTest(expression=expression):
                self.assertEqual(bool(licences.is_allowed(expression, allowed)), expected)

    def test_an_unknown_licence_is_caught(self):
        crates = crate("copyleft", licence="AGPL-3.0")
        self.assertEqual(len(list(licences.violations(crates, crates))), 1)

    def test_a_licence_agreed_for_tests_is_caught_below_a_program(self):
        crates = parse_tree(TREE)
        self.assertEqual(
            list(licences.violations(crates, crates)),
            ["webdriver 0.53.0: MPL-2.0 is agreed for fantoccini, keyfob-e2e, keyfob-testing only, not for keyfob-cli"],
        )
        self.assertEqual(list(licences.violations(crates, {})), [], "what only tests bring in is in no program")


class Banned(unittest.TestCase):
    def test_a_banned_crate_is_caught(self):
        self.assertEqual(
            list(banned.violations(crate("ring", parents=["rustls-webpki"]))),
            ["ring 1.0.0 (named by rustls-webpki) is banned: one crypto library: aws-lc-rs"],
        )

    def test_an_agreed_parent_does_not_open_the_door_for_others(self):
        found = list(banned.violations(crate("cmake", parents=["aws-lc-sys", "libz-sys"])))
        self.assertEqual(found, ["cmake 1.0.0 (named by libz-sys) is banned: needs cmake"])


class Advisories(unittest.TestCase):
    ADVISORY = {"id": "RUSTSEC-2026-0001", "package": "leaky", "date": "2026-01-01", "patched": ["^0.3.4", ">= 0.4.1"]}

    def test_version_ranges_mean_what_semver_says(self):
        for version, requirement, expected in [
            ("1.2.3", ">= 1.2.3", True),
            ("1.2.3-rc.1", ">= 1.2.3", False),
            ("1.2.3-rc.2", ">= 1.2.3-rc.1", True),
            ("1.10.0", "> 1.9.9", True),
            ("0.3.9", "^0.3.4", True),
            ("0.4.0", "^0.3.4", False),
            ("2.0.0", "1.2.3", False),
            ("1.9.0", "1.2.3", True),
            ("1.5.0", ">= 1.0, < 1.5", False),
            ("1.0.0", "=1.0.0", True),
        ]:
            with self.subTest(version=version, requirement=requirement):
                self.assertEqual(advisories.satisfies(version, requirement), expected)

    def test_an_affected_version_is_caught_and_a_patched_one_is_not(self):
        problems, _ = advisories.judge(crate("leaky", "0.4.0"), [self.ADVISORY], {})
        self.assertEqual(problems, ["leaky 0.4.0: RUSTSEC-2026-0001 (vulnerability, 2026-01-01)"])
        self.assertEqual(advisories.judge(crate("leaky", "0.3.5"), [self.ADVISORY], {}), ([], []))

    def test_an_accepted_vulnerability_is_a_note_with_its_reason(self):
        problems, notes = advisories.judge(
            crate("leaky", "0.4.0"), [self.ADVISORY], {"RUSTSEC-2026-0001": "not reachable"}
        )
        self.assertEqual(problems, [])
        self.assertEqual(len(notes), 1)

    def test_an_exception_that_serves_nothing_is_caught(self):
        problems, _ = advisories.judge({}, [self.ADVISORY], {"RUSTSEC-2026-0001": "not reachable"})
        self.assertEqual(len(problems), 1)

    def test_an_unmaintained_crate_is_only_a_note(self):
        advisory = self.ADVISORY | {"kind": "unmaintained", "patched": []}
        problems, notes = advisories.judge(crate("leaky", "9.0.0"), [advisory], {})
        self.assertEqual((problems, len(notes)), ([], 1))


class ReleaseSymbols(unittest.TestCase):
    def test_failpoints_in_the_default_graph_are_caught(self):
        self.assertEqual(len(list(release_symbols.violations(crate("fail", "0.5.1"), []))), 1)

    def test_a_binary_with_a_trace_of_them_is_caught(self):
        for trace in (
            b"\0_ZN4fail4eval17h0123E\0",
            b"\0_RNvCs9ltgdHTiPiY_4fail4eval\0",
            b"/fail-0.5.1/src/lib.rs",
            b"KEYFOB_FAIL_AT",
        ):
            with self.subTest(trace=trace):
                self.assertEqual(
                    list(release_symbols.violations({}, [("keyfob", trace)])), ["keyfob holds failpoints"]
                )

    def test_ordinary_words_are_no_trace(self):
        self.assertFalse(release_symbols.has_failpoints(b"_ZN7unfail4 failed to fail-safe"))


if __name__ == "__main__":
    unittest.main()
