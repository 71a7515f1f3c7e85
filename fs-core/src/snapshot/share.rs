//! A fair share of a group's numbers for each of its archives.

/// How many images of an archive are shown, so that at most `room` are shown of archives with these many. Archives with few
/// images have all of theirs; the others have as many as each other.
pub(super) fn share(mut counts: Vec<usize>, room: usize) -> usize {
    counts.sort_unstable();
    let mut left = room;
    for (index, &count) in counts.iter().enumerate() {
        let share = left / (counts.len() - index);
        if count > share {
            return share;
        }
        left -= count;
    }
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_with_few_have_all_and_the_others_as_many_as_each_other() {
        let cases: &[(&[usize], usize)] = &[
            (&[], usize::MAX),
            (&[100], usize::MAX),
            (&[101], 100),
            (&[1, 99], usize::MAX),
            (&[65_535, 1, 2], 97),
            (&[50, 10, 41], 49),
            (&[40, 60, 10], 50),
            (&[30, 30, 30, 30], 25),
            (&[1; 101], 0),
        ];
        for (counts, want) in cases {
            assert_eq!(share(counts.to_vec(), 100), *want, "{counts:?}");
            let shown: usize = counts.iter().map(|count| count.min(want)).sum();
            assert!(shown <= 100, "{counts:?}");
        }
    }
}
