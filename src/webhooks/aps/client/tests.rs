use super::*;

#[test]
fn the_state_of_the_next_page_is_found_in_each_form_that_is_known() {
    assert_eq!(state_of("/hooks?pageState=a%3D%3D&x=1").as_deref(), Some("a=="));
    assert_eq!(state_of("bm90LWEtcGF0aA==").as_deref(), Some("bm90LWEtcGF0aA=="));
    assert_eq!(state_of("/hooks?x=1"), None);
    assert_eq!(state_of(""), None);
}
