//! Draws and look-ups in the widest registers a CPU has. The same bits at every level.

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256i, __m512i};

use super::stream::{LANES, State, advance};

/// Numbers looked up at once.
pub(super) const TABLE: usize = 16;

/// What drawing in a loop needs of a CPU.
pub(crate) trait Lanes: Copy {
    /// The state of a stream.
    type State: Copy;

    fn load(self, state: State) -> Self::State;

    /// The next eight draws.
    fn next(self, state: &mut Self::State) -> [u64; LANES];

    /// Looks up numbers of a table: the lower four bits of an index count.
    fn look(self, table: &[f32; TABLE], at: [u32; TABLE]) -> [f32; TABLE];
}

/// Plain loops, for the compiler to vectorise.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Lanes for Portable {
    type State = State;

    #[inline(always)]
    fn load(self, state: State) -> State {
        state
    }

    #[inline(always)]
    fn next(self, state: &mut State) -> [u64; LANES] {
        advance(state)
    }

    #[inline(always)]
    fn look(self, table: &[f32; TABLE], at: [u32; TABLE]) -> [f32; TABLE] {
        let mut found = [0.0; TABLE];
        found.iter_mut().zip(at).for_each(|(found, at)| *found = table[at as usize % TABLE]);
        found
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V3 {
    type State = [[__m256i; 4]; 2];

    #[inline(always)]
    fn load(self, state: State) -> [[__m256i; 4]; 2] {
        let [a, b, c, d]: [[__m256i; 2]; 4] = pulp::cast(state);
        [[a[0], b[0], c[0], d[0]], [a[1], b[1], c[1], d[1]]]
    }

    #[inline(always)]
    fn next(self, state: &mut [[__m256i; 4]; 2]) -> [u64; LANES] {
        let avx2 = self.avx2;
        let mut draws = [self.avx._mm256_setzero_si256(); 2];
        for (draws, [a, b, c, d]) in draws.iter_mut().zip(state) {
            let sum = avx2._mm256_add_epi64(*a, *d);
            let turned =
                avx2._mm256_or_si256(avx2._mm256_slli_epi64::<23>(sum), avx2._mm256_srli_epi64::<41>(sum));
            *draws = avx2._mm256_add_epi64(turned, *a);
            let shifted = avx2._mm256_slli_epi64::<17>(*b);
            *c = avx2._mm256_xor_si256(*c, *a);
            *d = avx2._mm256_xor_si256(*d, *b);
            *b = avx2._mm256_xor_si256(*b, *c);
            *a = avx2._mm256_xor_si256(*a, *d);
            *c = avx2._mm256_xor_si256(*c, shifted);
            *d = avx2._mm256_or_si256(avx2._mm256_slli_epi64::<45>(*d), avx2._mm256_srli_epi64::<19>(*d));
        }
        pulp::cast(draws)
    }

    #[inline(always)]
    fn look(self, table: &[f32; TABLE], at: [u32; TABLE]) -> [f32; TABLE] {
        let [low, high]: [__m256; 2] = pulp::cast(*table);
        let at: [__m256i; 2] = pulp::cast(at);
        let found: [__m256; 2] = std::array::from_fn(
            #[inline(always)]
            |half| {
                let low = self.avx2._mm256_permutevar8x32_ps(low, at[half]);
                let high = self.avx2._mm256_permutevar8x32_ps(high, at[half]);
                // Bit 3 where the sign is.
                let is_high = self.avx._mm256_castsi256_ps(self.avx2._mm256_slli_epi32::<28>(at[half]));
                self.avx._mm256_blendv_ps(low, high, is_high)
            },
        );
        pulp::cast(found)
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for V4 {
    type State = [__m512i; 4];

    #[inline(always)]
    fn load(self, state: State) -> [__m512i; 4] {
        pulp::cast(state)
    }

    #[inline(always)]
    fn next(self, [a, b, c, d]: &mut [__m512i; 4]) -> [u64; LANES] {
        let f = self.avx512f;
        let draws = f._mm512_add_epi64(f._mm512_rol_epi64::<23>(f._mm512_add_epi64(*a, *d)), *a);
        let shifted = f._mm512_slli_epi64::<17>(*b);
        *c = f._mm512_xor_si512(*c, *a);
        *d = f._mm512_xor_si512(*d, *b);
        *b = f._mm512_xor_si512(*b, *c);
        *a = f._mm512_xor_si512(*a, *d);
        *c = f._mm512_xor_si512(*c, shifted);
        *d = f._mm512_rol_epi64::<45>(*d);
        pulp::cast(draws)
    }

    #[inline(always)]
    fn look(self, table: &[f32; TABLE], at: [u32; TABLE]) -> [f32; TABLE] {
        pulp::cast(self.avx512f._mm512_permutexvar_ps(pulp::cast(at), pulp::cast(*table)))
    }
}

/// The draws at one address, eight at a time.
#[derive(Clone, Copy)]
pub(crate) struct Draws<L: Lanes> {
    lanes: L,
    state: L::State,
}

impl<L: Lanes> Draws<L> {
    #[inline(always)]
    pub(super) fn new(lanes: L, state: State) -> Self {
        Draws { lanes, state: lanes.load(state) }
    }

    #[inline(always)]
    pub(crate) fn next(&mut self) -> [u64; LANES] {
        self.lanes.next(&mut self.state)
    }
}
