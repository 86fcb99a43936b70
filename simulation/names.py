"""Names that people, customers, projects and tasks of the firm may have; all invented."""

GIVEN_NAMES = (
    "Anna Lukas Marie Jonas Lena Felix Clara Paul Nina Tobias Sophie Jan Katharina Moritz Julia Sebastian "
    "Laura Philipp Hannah Matthias Eva Stefan Miriam Oliver Carla David Ines Florian Teresa Martin Emily James "
    "Olivia Michael Grace William Chloe Daniel Megan Andrew Sarah Robert Rachel Thomas Amanda Kevin Nicole "
    "Brian Aisha Omar Priya Arjun Mei Wei Yuki Kenji Sofia Mateo Camila Diego Zeynep Emre Ewa Piotr Ingrid "
    "Lars Freya Nils Amara Kwame Fatima Hassan Elena Marco Giulia Luca Claire Antoine Margot Hugo"
).split()

FAMILY_NAMES = (
    "Becker Hoffmann Schuster Vogel Lindner Krause Winkler Brandt Seidel Haas Lorenz Engel Busch Kuhn Ziegler "
    "Albrecht Franke Keller Ritter Sommer Walsh Bennett Carter Hughes Foster Coleman Reyes Morgan Sullivan "
    "Hayes Brooks Parker Griffin Palmer Bishop Dawson Fleming Harper Lawson Mercer Nakamura Tanaka Chen Huang "
    "Nguyen Kim Park Singh Patel Iyer Rao Khan Rahman Silva Moreno Castillo Rojas Vargas Costa Romano Conti "
    "Ferrari Laurent Moreau Girard Dubois Kowalski Nowak Wojcik Lindqvist Berg Nilsen Okafor Mensah Adeyemi "
    "Yilmaz Demir Haddad Farah Novak"
).split()

CUSTOMER_FIRST = (
    "Alster Nordlicht Havel Rhein Isar Elbtal Morgenthal Kestrel Harbour Stonegate Ashford Wexcombe Calder Thornbury "
    "Hudson Bluewater Lakeshore Pinecrest Granite Redwood Summit Prairie Beacon Cobalt Meridian Aurora Solaris "
    "Vantage Keystone Atlas Juniper Sterling Copper Orchard Larkspur Kingfisher Falcon Hawthorn Silverline Northwind"
).split()

CUSTOMER_SECOND = (
    "Logistics|Energy|Health|Pharma|Retail|Foods|Insurance|Capital|Automotive|Chemicals|Media|Telecom|Rail|Aviation|"
    "Machinery|Software|Textiles|Shipping|Water|Paper"
).split("|")

LEGAL_FORMS = {"EUR": ("GmbH", "AG", "SE", "GmbH & Co. KG"), "USD": ("Inc.", "LLC", "Corp."), "GBP": ("Ltd", "plc")}

PROJECT_SUBJECTS = (
    "order management|claims platform|warehouse system|customer portal|data platform|finance transformation|"
    "payroll migration|pricing engine|supply planning|identity management|field service|billing renewal|"
    "cloud foundation|reporting suite|mobile app|treasury system|master data|contact centre|quality system|"
    "procurement network"
).split("|")

PROJECT_KINDS = ("Assessment", "Design", "Build", "Roll-out", "Migration", "Support", "Review", "Programme")

TASKS = ("analysis", "design", "build", "test", "training", "support")

DESCRIPTIONS = {
    "analysis": (
        "Interviews with key users",
        "As-is process review",
        "Requirements workshop",
        "Gap analysis written up",
    ),
    "design": ("Solution design, second draft", "Interface specification", "Design review", "Data model agreed"),
    "build": ("Posting interface", "Form and validation work", "Batch job rewritten", "Code review and merge"),
    "test": ("Integration test round", "Defects reproduced and fixed", "Test cases for month end", "User test support"),
    "training": ("Key user training", "Training material", "Hand-over session", "Questions after go-live"),
    "support": ("Hypercare", "Ticket backlog", "Release support", "Incident analysis with operations"),
}

AMENDMENT_REASONS = ("more scope agreed in the steering committee", "budget raised by the customer", "change order")

HOLD_REASONS = (
    "purchase order number is missing",
    "customer disputes the hours",
    "acceptance protocol is outstanding",
    "rate under negotiation",
)
