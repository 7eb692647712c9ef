//! Draws and look-ups in the widest registers a CPU has. The same bits at every level.

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256i, __m512, __m512i};

use super::stream::{LANES, State, advance};

/// Numbers looked up at once.
pub(super) const TABLE: usize = 16;

/// Coefficients of polynomials of the fourth degree, `[power]`.
pub(super) type Quartics = [[f32; TABLE]; 5];

/// What drawing in a loop needs of a CPU.
pub(crate) trait Lanes: Copy {
    /// The state of a stream.
    type State: Copy;

    fn load(self, state: State) -> Self::State;

    /// The next eight draws.
    fn next(self, state: &mut Self::State) -> [u64; LANES];

    /// `(c_3 x + c_2 + c_4 x²) x² + (c_1 x + c_0)`, with coefficients of a table, `[power]`, of which the lower four bits of
    /// an index count.
    fn quartic(self, table: &Quartics, at: [u32; TABLE], x: [f32; TABLE]) -> [f32; TABLE];
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
    fn quartic(self, table: &Quartics, at: [u32; TABLE], x: [f32; TABLE]) -> [f32; TABLE] {
        let mut values = [0.0; TABLE];
        for lane in 0..TABLE {
            let c = |power: usize| table[power][at[lane] as usize % TABLE];
            let (x, square) = (x[lane], x[lane] * x[lane]);
            values[lane] = (c(3) * x + c(2) + c(4) * square) * square + (c(1) * x + c(0));
        }
        values
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
    fn quartic(self, table: &Quartics, at: [u32; TABLE], x: [f32; TABLE]) -> [f32; TABLE] {
        let (avx, avx2) = (self.avx, self.avx2);
        let table: [[__m256; 2]; 5] = pulp::cast(*table);
        let at: [__m256i; 2] = pulp::cast(at);
        let mut values: [__m256; 2] = pulp::cast(x);
        for (x, at) in values.iter_mut().zip(at) {
            // The fourth bit chooses the half of the table.
            let half = avx._mm256_castsi256_ps(avx2._mm256_slli_epi32::<28>(at));
            let c = |power: usize| {
                let [lower, upper] = table[power];
                avx._mm256_blendv_ps(
                    avx2._mm256_permutevar8x32_ps(lower, at),
                    avx2._mm256_permutevar8x32_ps(upper, at),
                    half,
                )
            };
            let square = avx._mm256_mul_ps(*x, *x);
            let middle = avx._mm256_add_ps(avx._mm256_mul_ps(c(3), *x), c(2));
            let high = avx._mm256_add_ps(middle, avx._mm256_mul_ps(c(4), square));
            let low = avx._mm256_add_ps(avx._mm256_mul_ps(c(1), *x), c(0));
            *x = avx._mm256_add_ps(avx._mm256_mul_ps(high, square), low);
        }
        pulp::cast(values)
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
    fn quartic(self, table: &Quartics, at: [u32; TABLE], x: [f32; TABLE]) -> [f32; TABLE] {
        let f = self.avx512f;
        let at: __m512i = pulp::cast(at);
        let c: [__m512; 5] = [
            f._mm512_permutexvar_ps(at, pulp::cast(table[0])),
            f._mm512_permutexvar_ps(at, pulp::cast(table[1])),
            f._mm512_permutexvar_ps(at, pulp::cast(table[2])),
            f._mm512_permutexvar_ps(at, pulp::cast(table[3])),
            f._mm512_permutexvar_ps(at, pulp::cast(table[4])),
        ];
        let x: __m512 = pulp::cast(x);
        let square = f._mm512_mul_ps(x, x);
        let middle = f._mm512_add_ps(f._mm512_mul_ps(c[3], x), c[2]);
        let high = f._mm512_add_ps(middle, f._mm512_mul_ps(c[4], square));
        let low = f._mm512_add_ps(f._mm512_mul_ps(c[1], x), c[0]);
        pulp::cast(f._mm512_add_ps(f._mm512_mul_ps(high, square), low))
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

    /// The next sixteen.
    #[inline(always)]
    pub(crate) fn pair(&mut self) -> [[u64; LANES]; 2] {
        // A loop for the compiler to unroll: written twice, it is too long to be inlined into code for AVX2.
        let mut draws = [[0; LANES]; 2];
        for draws in &mut draws {
            *draws = self.next();
        }
        draws
    }

    /// Leaves out so many times eight.
    #[inline(always)]
    pub(crate) fn skip(&mut self, blocks: usize) {
        for _ in 0..blocks {
            self.next();
        }
    }
}
