import Notion
import Testing

@Suite struct AddressTests {
  private static let page = "38c9ce7b-60a4-819d-92fa-eed199096814"
  private static let bare = "38c9ce7b60a4819d92faeed199096814"
  private static let other = "11111111222233334444555555555555"

  @Test(arguments: [
    page, bare, bare.uppercased(), " \(page)\n",
    "https://www.notion.so/Title-Slug-\(bare)", "https://www.notion.so/\(bare)",
    "https://www.notion.so/team/Title-\(bare)?pvs=4", "https://app.notion.com/p/Title-\(bare)",
    "https://app.notion.com/p/\(bare)", "https://www.notion.so/\(bare)?v=\(other)",
    "https://acme.notion.site/Title-\(bare)", "notion://www.notion.so/Title-\(bare)",
    "https://www.notion.so/\(page)", "collection://\(page)", "www.notion.so/Title-\(bare)#\(other)",
  ])
  func findsTheDatabaseOrPage(address: String) {
    #expect(NotionID.find(in: address, wanting: .database)?.description == AddressTests.page)
    #expect(NotionID.find(in: address, wanting: .page)?.description == AddressTests.page)
  }

  @Test func aPeekAddressLeadsToThePageThatIsOpen() {
    let address =
      "https://www.notion.so/\(AddressTests.other)?v=\(AddressTests.other)&p=\(AddressTests.bare)&pm=s"
    #expect(NotionID.find(in: address, wanting: .page)?.description == AddressTests.page)
    #expect(NotionID.find(in: address, wanting: .database)?.undashed == AddressTests.other)
  }

  @Test func aFragmentIsABlock() {
    for mark in ["#", "#block-"] {
      let address = "https://www.notion.so/Title-\(AddressTests.other)\(mark)\(AddressTests.bare)"
      #expect(NotionID.find(in: address, wanting: .block)?.description == AddressTests.page)
    }
  }

  @Test(arguments: [
    "", "hello", "https://example.com", "https://www.notion.so/", "photo-\(bare).png",
    "https://www.notion.so/Title-38c9ce7b60a4819d92faeed19909681", "v=\(bare)",
    "38c9ce7b-60a4-819d-92fa-eed19909681g",
  ])
  func isNoAddress(text: String) {
    #expect(NotionID.find(in: text, wanting: .page) == nil)
  }
}
