//! The picture of an address, for the camera of a telephone (ISO/IEC 18004).

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// A picture of half blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) rows: Vec<String>,
    pub(super) width: u16,
}

impl Picture {
    /// Draws `address`, white on black, so that a terminal with light text shows it as cameras want it.
    pub(super) fn of(address: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(address, EcLevel::L).ok()?;
        let drawn = code
            .render::<Dense1x2>()
            .dark_color(Dense1x2::Light)
            .light_color(Dense1x2::Dark)
            .quiet_zone(true)
            .build();
        let rows: Vec<String> = drawn.lines().map(str::to_owned).collect();
        let width = u16::try_from(rows.first()?.chars().count()).ok()?;
        Some(Self { rows, width })
    }

    pub(super) fn height(&self) -> u16 {
        u16::try_from(self.rows.len()).unwrap_or(u16::MAX)
    }
}
