//! The part of unsynced changes that survives a power cut.

/// The unsynced changes that an image has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Survivors {
    /// Nothing.
    Nothing,
    /// Everything.
    Everything,
    /// The first changes of each file, the last write among them torn.
    Prefix,
    /// Any sector and any name.
    Any,
}

/// Random numbers, reproducible from a seed.
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// A number below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most.max(1)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

impl Survivors {
    /// True if an unsynced change is kept; `keep` is the number of changes that a prefix has.
    pub(super) fn keeps(self, at: u64, keep: u64, chance: &mut Chance) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Prefix => at < keep,
            Self::Any => chance.coin(),
        }
    }
}
