use super::*;
use proptest::prelude::*;

fn bytes_of(frame: &Frame) -> Vec<u8> {
    frame.parts().concat()
}

fn frame(salt: u64, sections: &[Vec<u8>]) -> Frame {
    let head = Head { number: 7, last_sequence: 40, wall: 1, steady: 2, run: 3 };
    let section =
        |bytes: &Vec<u8>| Section { kind: Kind::Ids, lane: LaneId(4), bytes: bytes.clone().into() };
    Frame::build(salt, head, sections.iter().map(section).collect())
}

proptest! {
    #[test]
    fn a_frame_is_read_back(sections in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..50), 0..5,
    )) {
        let frame = frame(9, &sections);
        let bytes = bytes_of(&frame);
        prop_assert_eq!(bytes.len() as u64, frame.length());

        let found = FoundFrame::read(9, &bytes).unwrap();

        prop_assert_eq!(found.length, frame.length());
        prop_assert_eq!(found.head.last_sequence, 40);
        let read: Vec<_> =
            found.directory.iter().map(|entry| entry.bytes(&bytes).unwrap().to_vec()).collect();
        prop_assert_eq!(read, sections);
    }
}

#[test]
fn a_flipped_bit_anywhere_makes_it_no_whole_frame() {
    let sound = bytes_of(&frame(9, &[b"some bytes".to_vec(), b"and more".to_vec()]));
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        let is_whole = FoundFrame::read(9, &bytes).is_ok_and(|found| found.is_whole(&bytes));
        assert!(!is_whole, "byte {at}");
    }
}

#[test]
fn a_frame_of_another_salt_is_none_and_one_behind_others_is_found() {
    let bytes = [vec![0; 24], bytes_of(&frame(1, &[])), bytes_of(&frame(2, &[]))].concat();

    assert!(FoundFrame::read(2, &bytes[24..]).is_err());
    assert_eq!(next_frame(2, &bytes, 0).map(|(at, _)| at), Some(80));
    assert_eq!(next_frame(1, &bytes, 0).map(|(at, _)| at), Some(24));
    assert_eq!(next_frame(1, &bytes, 25).map(|(at, _)| at), None);
}
