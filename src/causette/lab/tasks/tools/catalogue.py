"""Three dozen tools: weather, sums, appointments, journeys, shops, homes."""

from typing import Final

from causette.lab.tasks.tools.definitions import Parameter, Question, Tool

#: A topic whose tools find whatever is asked.
ANYTHING: Final = "anything"

_CITIES: Final = ("Lyon", "Oslo", "Nairobi", "Lima", "Osaka", "Porto", "Quebec", "Cairo", "Hanoi", "Ghent")
_PEOPLE: Final = ("Amara", "Bruno", "Chloé", "Diego", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas")
_DATES: Final = (
    "2027-01-09",
    "2027-02-14",
    "2027-03-30",
    "2027-05-01",
    "2027-06-21",
    "2027-08-17",
    "2027-11-05",
)
_TIMES: Final = ("07:15", "08:30", "10:00", "12:45", "14:20", "16:00", "18:30", "21:10")
_COUNTS: Final = (2, 3, 4, 5, 6, 8, 12)
_AMOUNTS: Final = (7.5, 12, 19.9, 40, 64.25, 150, 320, 1200)
_CURRENCIES: Final = ("EUR", "USD", "GBP", "JPY", "CHF", "CAD")
_LANGUAGES: Final = ("French", "Spanish", "German", "Japanese", "Swahili", "Portuguese")
_ROOMS: Final = ("kitchen", "bedroom", "hall", "office", "bathroom")
_GOODS: Final = ("kettle", "desk lamp", "rain coat", "garden hose", "toaster", "umbrella", "backpack")
_TOPICS: Final = ("black holes", "the Suez canal", "sourdough", "coral reefs", "the printing press", "bees")


def _text(name: str, about: str, values: tuple[str, ...], default: str | None = None) -> Parameter:
    return Parameter(name, "string", about, values, default)


def _one_of(name: str, about: str, values: tuple[str, ...], default: str | None = None) -> Parameter:
    return Parameter(name, "string", about, values, default, closed=True)


def _whole(name: str, about: str, values: tuple[int, ...] | range, default: int | None = None) -> Parameter:
    return Parameter(name, "integer", about, values, default)


def _number(name: str, about: str, values: tuple[float, ...], default: float | None = None) -> Parameter:
    return Parameter(name, "number", about, values, default)


def _flag(name: str, about: str) -> Parameter:
    return Parameter(name, "boolean", about, (True, False), default=False)


def _tool(
    name: str, about: str, topic: str, parameters: tuple[Parameter, ...], *asked: str | Question
) -> Tool:
    questions = tuple(Question(each) if isinstance(each, str) else each for each in asked)
    return Tool(name, about, topic, parameters, questions)


_CITY: Final = _text("city", "Name of the city", _CITIES)
_DATE: Final = _text("date", "Day, as YYYY-MM-DD", _DATES)
_TIME: Final = _text("time", "Time of day, as HH:MM", _TIMES)

TOOLS: Final = (
    _tool(
        "get_weather",
        "The weather in a city right now",
        "weather",
        (_CITY, _one_of("unit", "Unit of the temperature", ("celsius", "fahrenheit"), "celsius")),
        "What is the weather like in $city right now?",
        "How warm is it in $city at the moment, in $unit?",
    ),
    _tool(
        "get_forecast",
        "The weather forecast of a city for the coming days",
        "weather",
        (_CITY, _whole("days", "Number of days", range(2, 11))),
        "What will the weather in $city be over the next $days days?",
        "Give me a $days-day forecast for $city.",
    ),
    _tool(
        "get_air_quality",
        "How clean the air in a city is right now",
        "weather",
        (_CITY,),
        "How clean is the air in $city right now?",
        "Is the air in $city polluted at the moment?",
    ),
    _tool(
        "calculate",
        "Work out one operation on two numbers",
        "sums",
        (
            _one_of("operation", "What to do", ("add", "subtract", "multiply", "divide")),
            _number("first", "The first number", (3, 12.5, 48, 107, 999, 1440)),
            _number("second", "The second number", (2, 4.5, 16, 33, 250)),
        ),
        Question("What is $first plus $second?", {"operation": "add"}),
        Question("How much is $first minus $second?", {"operation": "subtract"}),
        Question("Multiply $first by $second.", {"operation": "multiply"}),
        Question("What is $first divided by $second?", {"operation": "divide"}),
    ),
    _tool(
        "square_root",
        "The square root of a number",
        "sums",
        (_number("value", "The number", (2, 7.5, 81, 144, 2026)),),
        "What is the square root of $value?",
    ),
    _tool(
        "roll_dice",
        "Throw dice",
        "chance",
        (_whole("count", "How many dice", _COUNTS), _whole("sides", "Sides of each", (4, 8, 12, 20), 6)),
        "Throw $count ordinary dice for me.",
        "Roll $count dice with $sides sides each.",
    ),
    _tool(
        "convert_length",
        "Convert a length from one unit to another",
        "units",
        (
            _number("value", "The length", _AMOUNTS),
            _one_of("source", "Unit that it is in", ("miles", "feet", "inches")),
            _one_of("target", "Unit that is wanted", ("kilometres", "metres", "centimetres")),
        ),
        "How many $target are $value $source?",
        "Convert $value $source to $target.",
    ),
    _tool(
        "convert_weight",
        "Convert a weight from one unit to another",
        "units",
        (
            _number("value", "The weight", _AMOUNTS),
            _one_of("source", "Unit that it is in", ("pounds", "ounces")),
            _one_of("target", "Unit that is wanted", ("kilograms", "grams")),
        ),
        "How many $target are $value $source?",
        "I weighed $value $source. What is that in $target?",
    ),
    _tool(
        "convert_currency",
        "Convert an amount of money at today's rate",
        "units",
        (
            _number("amount", "The amount", _AMOUNTS),
            _one_of("source", "Currency that it is in", _CURRENCIES[:3]),
            _one_of("target", "Currency that is wanted", _CURRENCIES[3:]),
        ),
        "What is $amount $source in $target today?",
        "Change $amount $source into $target.",
    ),
    _tool(
        "get_stock_price",
        "The latest price of a share",
        "money",
        (_text("symbol", "Its symbol at the exchange", ("NVDA", "SAP", "TSLA", "IBM", "SHEL")),),
        "What does a share of $symbol cost now?",
        "Look up the stock price of $symbol.",
    ),
    _tool(
        "send_money",
        "Pay somebody from the user's account",
        "money",
        (
            _text("recipient", "Who is paid", _PEOPLE),
            _number("amount", "How much, in euros", _AMOUNTS),
            _text("reference", "What it is for", ("rent", "dinner", "concert tickets", "petrol"), "none"),
        ),
        "Send $amount euros to $recipient.",
        "Pay $recipient $amount euros with the reference $reference.",
    ),
    _tool(
        "create_event",
        "Put an appointment into the calendar",
        "calendar",
        (
            _text("title", "What it is", ("Dentist", "Team lunch", "Piano lesson", "Budget review", "Yoga")),
            _DATE,
            _TIME,
            _whole("minutes", "How long it lasts", (15, 30, 45, 90, 120), 60),
        ),
        "Put '$title' into my calendar on $date at $time.",
        "Schedule '$title' for $date, $time, for $minutes minutes.",
    ),
    _tool(
        "list_events",
        "The appointments of a day",
        "calendar",
        (_DATE,),
        "What is in my calendar on $date?",
        "Which appointments do I have on $date?",
    ),
    _tool(
        "cancel_event",
        "Take an appointment out of the calendar",
        "calendar",
        (_text("title", "What it is", ("Dentist", "Team lunch", "Piano lesson", "Yoga")), _DATE),
        "Cancel '$title' on $date.",
        "Please take '$title' out of my calendar for $date.",
    ),
    _tool(
        "set_alarm",
        "Set an alarm clock",
        "clock",
        (_TIME, _flag("weekly", "Whether it rings every week")),
        "Wake me at $time.",
        Question("Set an alarm for $time that rings every week.", {"weekly": True}),
    ),
    _tool(
        "set_timer",
        "Count down some minutes",
        "clock",
        (_whole("minutes", "How many", (3, 7, 10, 25, 50)),),
        "Set a timer for $minutes minutes.",
        "Tell me when $minutes minutes are over.",
    ),
    _tool(
        "get_time",
        "The time of day in a city",
        "clock",
        (_CITY,),
        "What time is it in $city?",
        "How late is it now in $city?",
    ),
    _tool(
        "send_email",
        "Send an e-mail",
        "messages",
        (
            _text("recipient", "Its address", ("ana@example.org", "desk@example.net", "bo@example.com")),
            _text("subject", "Its subject", ("Minutes", "Invoice 204", "Holiday plans", "Broken printer")),
            _flag("urgent", "Whether it is marked as urgent"),
        ),
        "Send an e-mail to $recipient with the subject '$subject'.",
        Question("Write to $recipient, subject '$subject', and mark it as urgent.", {"urgent": True}),
    ),
    _tool(
        "send_text",
        "Send a text message to a contact",
        "messages",
        (
            _text("contact", "Name of the contact", _PEOPLE),
            _text(
                "message", "What it says", ("I am late", "Call me back", "Happy birthday", "See you at six")
            ),
        ),
        "Text $contact: '$message'",
        "Send $contact a text message that says '$message'.",
    ),
    _tool(
        "call_contact",
        "Telephone a contact",
        "messages",
        (_text("contact", "Name of the contact", _PEOPLE),),
        "Call $contact.",
        "Get $contact on the phone for me.",
    ),
    _tool(
        "search_web",
        "Search the web",
        ANYTHING,
        (_text("query", "What to search for", _TOPICS), _whole("results", "How many results", _COUNTS, 10)),
        "Search the web for $query.",
        "Find me $results web pages about $query.",
    ),
    _tool(
        "read_encyclopedia",
        "The article of an encyclopedia about something",
        ANYTHING,
        (_text("title", "What the article is about", _TOPICS),),
        "What does the encyclopedia say about $title?",
        "Open the encyclopedia's article on $title.",
    ),
    _tool(
        "get_news",
        "Today's headlines",
        "news",
        (_one_of("section", "Which section", ("sport", "science", "business", "culture")),),
        "What are today's headlines in $section?",
        "Read me the $section news.",
    ),
    _tool(
        "translate",
        "Translate a text",
        "language",
        (
            _text("text", "What to translate", ("good morning", "where is the station", "one more coffee")),
            _one_of("language", "Into which language", _LANGUAGES),
        ),
        "How do you say '$text' in $language?",
        "Translate '$text' into $language.",
    ),
    _tool(
        "define_word",
        "What a word means, from a dictionary",
        "language",
        (_text("word", "The word", ("ersatz", "quaint", "lagoon", "zenith", "brisk", "thimble")),),
        "What does the word '$word' mean?",
        "Look up '$word' in the dictionary.",
    ),
    _tool(
        "find_route",
        "The way from one city to another",
        "journeys",
        (
            _text("origin", "Where it begins", _CITIES[:5]),
            _text("destination", "Where it ends", _CITIES[5:]),
            _one_of("mode", "How one goes", ("walking", "cycling", "transit"), "driving"),
        ),
        "How do I drive from $origin to $destination?",
        "Find a $mode route from $origin to $destination.",
    ),
    _tool(
        "search_flights",
        "Flights from one city to another on a day",
        "journeys",
        (
            _text("origin", "Where they start", _CITIES[:5]),
            _text("destination", "Where they land", _CITIES[5:]),
            _DATE,
            _whole("passengers", "How many people", _COUNTS, 1),
        ),
        "Which flights are there from $origin to $destination on $date?",
        "Find flights for $passengers people from $origin to $destination on $date.",
    ),
    _tool(
        "book_hotel",
        "Book a hotel room",
        "journeys",
        (
            _CITY,
            _text("arrival", "Day of arrival, as YYYY-MM-DD", _DATES),
            _whole("nights", "How many", _COUNTS),
        ),
        "Book a hotel in $city for $nights nights from $arrival.",
        "I need a hotel room in $city on $arrival, for $nights nights.",
    ),
    _tool(
        "book_table",
        "Reserve a table in a restaurant",
        "food",
        (
            _text("restaurant", "Its name", ("Chez Luc", "The Fig Tree", "Sakura", "Osteria Blu")),
            _whole("people", "For how many", _COUNTS),
            _DATE,
            _TIME,
        ),
        "Reserve a table for $people at $restaurant on $date at $time.",
        "Book $restaurant for $people people, $date, $time.",
    ),
    _tool(
        "find_recipe",
        "A recipe with an ingredient",
        "food",
        (
            _text("ingredient", "What it is made of", ("lentils", "pumpkin", "chickpeas", "leeks", "rice")),
            _flag("vegetarian", "Whether it has no meat or fish"),
        ),
        "What can I cook with $ingredient?",
        Question("Find a vegetarian recipe with $ingredient.", {"vegetarian": True}),
    ),
    _tool(
        "search_shop",
        "Find articles of the shop",
        "shop",
        (
            _text("article", "What is looked for", _GOODS),
            _number("most", "Highest price, in euros", _AMOUNTS, 10000),
        ),
        "Does the shop have a $article?",
        "Show me every $article in the shop for at most $most euros.",
    ),
    _tool(
        "add_to_basket",
        "Put articles into the shop's basket",
        "shop",
        (_text("article", "What is bought", _GOODS), _whole("quantity", "How many", _COUNTS, 1)),
        "Put one $article into my basket.",
        "Add $quantity times '$article' to my basket.",
    ),
    _tool(
        "track_parcel",
        "Where an order is",
        "shop",
        (_text("order", "Number of the order", ("A-1043", "B-2210", "C-0077", "D-9156")),),
        "Where is my order $order?",
        "Has parcel $order been sent?",
    ),
    _tool(
        "set_light",
        "Switch or dim the light of a room",
        "home",
        (_one_of("room", "Which room", _ROOMS), _whole("percent", "How bright, 0 is off", (15, 30, 50, 75))),
        "Set the light in the $room to $percent percent.",
        Question("Switch off the light in the $room.", {"percent": 0}),
        Question("I want the $room light fully on.", {"percent": 100}),
    ),
    _tool(
        "set_heating",
        "Set the temperature of a room",
        "home",
        (_one_of("room", "Which room", _ROOMS), _number("celsius", "Degrees", (16, 18.5, 20, 21.5, 23))),
        "Heat the $room to $celsius degrees.",
        "Make it $celsius degrees in the $room.",
    ),
    _tool(
        "play_music",
        "Play music",
        "music",
        (
            _text("artist", "Whose music", ("Nina Simone", "Bach", "Fela Kuti", "Björk", "Edith Piaf")),
            _flag("shuffle", "Whether the order is by chance"),
        ),
        "Play something by $artist.",
        Question("Play $artist in random order.", {"shuffle": True}),
    ),
)
