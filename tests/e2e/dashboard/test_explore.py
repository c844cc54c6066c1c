"""Posts looked at by what they have: pressed, said by the address, shown live; without an index of words."""

from playwright.async_api import Page, expect

from tests.e2e.dashboard.conftest import Server, check_access
from tests.pipeline import Pipeline


async def _send(server: Server, *contents: str, **fields: str) -> None:
    """Posts, one after another; each analyzed."""
    for content in contents:
        await server.get(f"posts/{await server.send(content, **fields)}/analysis/?wait=20")


async def test_the_posts_of_a_trend_are_looked_at_alone_live_and_by_address(
    server: Server, page: Page
) -> None:
    await _send(server, "First #kafka.", "Second #espresso.", "Third #Kafka.", "Fourth.")
    posts, chip = page.locator("#posts-list li"), page.locator("#posts-only")
    trend = page.locator("#trends").get_by_role("button", name="#kafka")
    await expect(posts).to_have_count(4)
    await expect(chip).to_be_hidden()
    await trend.focus()
    await page.keyboard.press("Enter")
    await expect(posts).to_have_count(2)
    await expect(posts.first).to_contain_text("Third #Kafka.")
    await expect(chip).to_contain_text("only #kafka")
    await expect(trend).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#posts").get_by_role("status")).to_have_text("Only posts with #kafka")

    await _send(server, "Fifth #espresso.", "Sixth #espresso #latte.", "Seventh #kafka.")
    await expect(posts.first).to_contain_text("Seventh")
    await expect(posts).to_have_count(3)
    for content, leader in (
        ("Eighth #espresso.", "#espresso"),
        ("Ninth #kafka.", "#espresso"),
        ("Tenth #kafka.", "#kafka"),
    ):
        await _send(server, content)
        await expect(page.locator("#trends-rows tr").first).to_contain_text(leader)
    # The row has moved up, and not lost what was focused.
    await expect(trend).to_be_focused()
    await check_access(page)

    await page.get_by_label("7 d", exact=True).check()
    assert page.url == f"{server.address}/?hashtag=kafka&window=7d"
    await page.goto(f"{server.address}/?hashtag=%23KAFKA&window=7d")
    await expect(chip).to_contain_text("only #kafka")
    await expect(posts).to_have_count(5)
    await expect(page.get_by_label("7 d", exact=True)).to_be_checked()
    await page.locator("#posts").get_by_role("button", name="#kafka").first.click()
    await expect(posts).to_have_count(10)
    await page.locator("#posts").get_by_role("button", name="#latte").click()
    await expect(posts).to_have_count(1)
    await chip.click()
    await expect(posts).to_have_count(10)
    await expect(chip).to_be_hidden()
    await expect(page.get_by_role("heading", name="Newest posts")).to_be_focused()
    assert page.url == f"{server.address}/?window=7d"
    await page.go_back()
    await expect(chip).to_contain_text("only #latte")
    await expect(posts).to_have_count(1)


async def test_other_values_are_looked_at_and_a_pause_holds_what_was_chosen(
    pipeline: Pipeline, server: Server, page: Page
) -> None:
    await expect(page.get_by_text("Posts are not found by words here")).to_be_visible()
    await expect(page.get_by_label("Words in posts")).to_be_hidden()
    await _send(server, "Thanks @Mira, see https://www.example.com/x for espresso!", author="ada")
    await _send(server, "Der Zug nach Berlin hat heute leider schon wieder Verspätung.", author="bob")
    posts, chip = page.locator("#posts-list li"), page.locator("#posts-only")
    trends, kind = page.locator("#trends"), page.get_by_label("What is trending")
    await expect(posts).to_have_count(2)

    await page.locator("#languages").get_by_role("button", name="German").click()
    await expect(chip).to_contain_text("only German")
    await expect(posts).to_have_count(1)
    await page.get_by_role("button", name="Pause").click()
    for value, name, author in (
        ("mentions", "@mira", "ada"),
        ("authors", "bob", "bob"),
        ("domains", "example.com", "ada"),
    ):
        await kind.select_option(value)
        await trends.get_by_role("button", name=name).click()
        await expect(chip).to_contain_text(f"only {name}")
        await expect(posts).to_have_count(1)
        await expect(posts).to_contain_text(author)
    await kind.select_option("keywords")
    await expect(trends.get_by_role("row", name="espresso")).to_be_visible()
    assert await trends.locator("tbody button").count() == 0

    await _send(server, "Also at https://example.com/y.", "Not there.")
    await expect(page.locator("#volume")).to_have_text("4")
    await expect(posts).to_have_count(1)
    await page.get_by_role("button", name="Pause").click()
    await expect(posts).to_have_count(2)
    # One that is edited, and has the value no more.
    first = pipeline.database.posts.find_one({"author": "ada"})
    assert first is not None
    pipeline.send(pipeline.post("It has gone.", post_id=first["_id"]))
    await expect(posts).to_have_count(1)

    await page.goto(f"{server.address}/?mention=nobody")
    await expect(page.get_by_text("No posts with @nobody yet.")).to_be_visible()
    await check_access(page)
    await page.get_by_role("button", name="Show all posts").click()
    await expect(posts).to_have_count(4)
    await page.goto(f"{server.address}/?author={'a' * 201}")
    await expect(page.get_by_text("author is not allowed")).to_be_visible()
    await page.goto(f"{server.address}/?text=espresso")
    await expect(page.locator("#posts .note")).to_contain_text("Posts are not found by text here")
