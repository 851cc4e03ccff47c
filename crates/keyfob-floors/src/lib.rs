//! Floors: for each goal of speed, the smallest program that does the same work, so that the limit is in every run of
//! `scripts/bench`.
//!
//! The programs are in `src/bin`, one a goal. A floor leaves out what makes ours safe to rely on (repair, links, refresh,
//! words for people) and nothing of what has to be done; it is built with the same flags as what it is the floor of.
