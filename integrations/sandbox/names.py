"""The words that invented people are put together from."""

FIRST_NAMES = (  # noqa: SIM905 - one name a line would fill three screens
    "Amara Ben Carmen Dmitri Elena Farid Grace Hiro Imani Jonas Keiko Liam Mei Nadia Omar Paloma "
    "Quentin Rosa Samir Tara Uma Victor Wren Ximena Yusuf Zoe Adaeze Bruno Chloe Diego Esra Felix "
    "Gita Hannah Ivan Jada Kofi Lucia Mateo Noor Olga Pedro Rania Soren Thandi Umar Vera Wei Yara "
    "Zahra Anders Bea Caleb Dina Emeka Fatima Gustav Helena Isaac Joy Karim Leila Marcus Nina Owen "
    "Petra Rafael Sofia Tobias Valeria Wanda Yuki Abel Brigid Cyrus Daphne Edgar Freya Goran Hana "
    "Idris Julia Kenji Lara Milan Naomi Otto Pia Rashid Selma Theo Ulla Viktor Willa Yasmin Zane "
    "Marisol"
).split()
LAST_NAMES = (  # noqa: SIM905
    "Abebe Baptiste Castillo Dahl Eriksen Ferrari Gupta Haddad Ibarra Jensen Kaplan Lopez Mbeki "
    "Nakamura Osei Park Quiroga Rossi Sato Takahashi Umarov Vargas Walsh Xu Yilmaz Zhang Adeyemi "
    "Brandt Chavez Desai Engel Fontaine Garcia Hughes Iyer Johansson Kowalski Larsen Mensah Nguyen "
    "Oyelaran Petrov Quinn Ramirez Singh Tremblay Ueda Volkov Wagner Yamada Zimmermann Aguilar "
    "Banerjee Cohen Diallo Espinoza Fraser Goldberg Hoang Ismail Jovanovic Kim Lindgren Moreau "
    "Novak Ortega Popescu Reyes Schmidt Tanaka-Bell Usman Vasquez Weber Yang Zapata Andersson "
    "Bianchi Chen Delgado Elliott Fofanah Greene Hakimi Ivanova Jones Khan Levy Markovic Ndiaye "
    "O'Brien Patel Rahman Santos Thompson Vega Winter Youssef Zielinski Bakker Choi Dubois Evans"
).split()
STREETS = (
    "Juniper Ct",
    "Alder St",
    "Mesa Verde Ave",
    "Larkspur Ln",
    "Orchard Rd",
    "Foundry Way",
    "Bluebonnet Dr",
    "Ferry Landing",
    "Quarry Hill Rd",
    "Maple Terrace",
)
CITIES = (  # the first three lie near the three work locations, in that order
    ("Denver", "CO", "80211"),
    ("Austin", "TX", "78702"),
    ("Portland", "OR", "97209"),
    ("Boulder", "CO", "80302"),
    ("Round Rock", "TX", "78664"),
    ("Beaverton", "OR", "97005"),
)
TITLES = {
    "Sales": ("Sales Associate", "Account Executive", "Senior Sales Associate", "Store Manager"),
    "Operations": ("Picker", "Driver", "Warehouse Associate", "Inventory Planner"),
    "Support": ("Support Specialist", "Senior Support Specialist", "Returns Specialist"),
    "Engineering": ("Software Engineer", "Data Analyst", "Quality Engineer"),
    "People": ("Recruiter", "Trainer", "People Partner"),
}
HEADS = {
    "Sales": "Head of Sales",
    "Operations": "Director of Operations",
    "Support": "Support Manager",
    "Engineering": "Engineering Manager",
    "People": "Head of People",
}
