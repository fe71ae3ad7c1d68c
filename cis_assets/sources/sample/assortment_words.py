"""The shelf list of the sample shop as text: departments, aisles and products with their prices.

Belongs here: names and numbers alone, to be read and edited as a list. Does not belong here: how they are read
(`assortment.py`), nor the name of any real product or brand.
"""

DEPARTMENT_NAMES = (
    "frozen",
    "other",
    "bakery",
    "produce",
    "alcohol",
    "international",
    "beverages",
    "pets",
    "dry goods pasta",
    "bulk",
    "personal care",
    "meat seafood",
    "pantry",
    "breakfast",
    "canned goods",
    "dairy eggs",
    "household",
    "babies",
    "snacks",
    "deli",
    "missing",
)

# `[department | share of lines in percent]`, then `# aisle | days until bought again | weight in its department`,
# then one product per line, the best seller of the aisle first: its price and its name.
SHELVES = """
[frozen | 7.0]
# frozen meals | 14 | 18
3.49 Three Cheese Lasagna
3.99 Chicken Tikka Rice Bowl
3.79 Black Bean Burrito Bowl
4.29 Beef and Broccoli Bowl
4.49 Thai Basil Chicken Bowl
3.29 Macaroni and Cheese Dinner
# frozen pizza | 14 | 14
5.99 Stone Fired Margherita Pizza
6.49 Four Cheese Thin Crust Pizza
6.99 Uncured Pepperoni Pizza
7.49 Roasted Vegetable Flatbread Pizza
6.79 Spinach and Feta Pizza
# frozen fruit | 16 | 20
4.49 Frozen Wild Blueberries
4.29 Frozen Mango Chunks
4.99 Frozen Triple Berry Blend
4.39 Frozen Sliced Strawberries
5.29 Frozen Dark Sweet Cherries
4.99 Frozen Açaí Purée Packets
# frozen vegetables | 16 | 20
1.99 Frozen Petite Green Peas
2.29 Frozen Broccoli Florets
2.49 Frozen Riced Cauliflower
2.19 Frozen Super Sweet Corn
2.79 Frozen Shelled Edamame
2.29 Frozen Cut Green Beans
2.49 Frozen Chopped Spinach
2.39 Frozen Stir Fry Vegetables
# ice cream | 18 | 24
5.49 Vanilla Bean Ice Cream
5.49 Dark Chocolate Chunk Ice Cream
5.79 Sea Salt Caramel Gelato
5.29 Mint Chip Ice Cream
4.99 Strawberry Swirl Frozen Yogurt
5.99 Coffee Crunch Ice Cream
4.79 Coconut Milk Fudge Bars
5.49 Cookies and Cream Ice Cream
5.29 Raspberry Lemon Sorbet
# frozen novelties | 18 | 10
4.29 Strawberry Fruit Bars
4.49 Mini Ice Cream Sandwiches
3.99 Lemonade Ice Pops
# frozen breakfast | 15 | 12
3.49 Golden Buttermilk Waffles
3.79 Multigrain Blueberry Waffles
4.99 Egg and Cheddar Breakfast Sandwiches
5.29 Turkey Sausage Breakfast Burritos
# frozen appetizers and sides | 18 | 12
3.59 Crinkle Cut Fries
3.99 Sweet Potato Fries
4.49 Crispy Potato Puffs
5.99 Vegetable Spring Rolls
6.49 Pork and Chive Potstickers
5.49 Mozzarella Sticks
# frozen plant based | 18 | 8
4.99 Garden Veggie Burgers
5.49 Spicy Black Bean Burgers
5.79 Crispy Meatless Nuggets
# frozen breads and doughs | 22 | 4
3.99 Garlic Texas Style Toast
4.49 Puff Pastry Sheets
3.79 Frozen Pie Crusts
# frozen juice | 25 | 2
2.29 Frozen Orange Juice Concentrate
2.29 Frozen Limeade Concentrate

[other | 0.2]
# shop extras | 45 | 10
1.49 Reusable Canvas Tote
4.99 Seasonal Greeting Card Set
3.49 Insulated Grocery Bag

[bakery | 3.9]
# bread | 8 | 46
3.99 Whole Wheat Sandwich Bread
4.49 Country Sourdough Loaf
4.99 Sprouted Seven Grain Bread
3.49 Soft White Sandwich Bread
4.79 Honey Oat Bread
4.49 Cinnamon Swirl Bread
4.29 Seeded Rye Bread
5.29 Gluten Free Multigrain Bread
2.99 French Baguette
# tortillas and flatbreads | 12 | 22
3.49 8" Soft Flour Tortillas
2.79 6" White Corn Tortillas
3.99 10" Spinach Wraps
3.29 Whole Wheat Pita Pockets
3.79 Garlic Naan
# buns and rolls | 14 | 12
3.49 Brioche Hamburger Buns
2.99 Potato Hot Dog Buns
3.79 Ciabatta Rolls
3.29 Hawaiian Style Sweet Rolls
# breakfast bakery | 9 | 14
3.49 Everything Bagels
3.29 Plain English Muffins
3.49 Cinnamon Raisin Bagels
4.49 Butter Croissants
4.99 Lemon Poppy Seed Muffins
# bakery desserts | 20 | 6
5.99 Apple Cinnamon Pie
4.99 Double Chocolate Brownies
6.49 Crème Brûlée Tartlets
4.79 Powdered Sugar Donuts

[produce | 28.5]
# fresh fruit | 8 | 42
0.89 Ripe Yellow Bananas
1.29 Organic Fair Trade Bananas
1.49 Ripe Hass Avocados
4.99 Sweet Red Strawberries
0.69 Large Juicy Lemons
3.99 Plump Blueberries
0.59 Persian Limes
4.49 Organic Raspberries, Half Pint
1.99 Crisp Honeycrisp Apples
1.79 Gala Apples
1.89 Tart Green Apples
3.49 Seedless Red Grapes
3.49 Seedless Green Grapes
4.29 Easy Peel Mandarins
1.29 Navel Oranges
1.99 Ripe Ataulfo Mangos
4.99 Personal Seedless Watermelon
1.69 Bartlett Pears
0.79 Green Kiwifruit
3.99 Golden Pineapple
3.99 Organic Blackberries, Half Pint
2.49 Yellow Peaches
2.29 White Nectarines
1.49 Ruby Red Grapefruit
3.49 Vine Ripened Cantaloupe
2.99 Black Plums
4.99 Bing Cherries
2.49 Pomegranates
# fresh vegetables | 9 | 34
1.49 Yellow Onions
1.79 Green Zucchini
1.99 English Hothouse Cucumber
0.89 Whole Garlic Bulbs
2.99 Red Bell Peppers
2.49 Broccoli Crowns
1.19 Roma Tomatoes
3.49 Cauliflower Head
3.99 Thin Asparagus Spears
0.99 Green Onions
1.29 Red Onions
1.49 Garnet Sweet Potatoes
2.29 Celery Hearts
3.99 Yukon Gold Potatoes
1.19 Fresh Ginger Root
0.49 Jalapeño Peppers
2.19 Slender Green Beans
3.49 Baby Bella Mushrooms
2.99 Brussels Sprouts, Trimmed
2.49 Green Cabbage
2.29 Bok Choy
2.79 Yellow Squash
1.99 Italian Eggplant
2.49 Red Beets with Tops
1.29 Russet Baking Potatoes
3.29 Fennel Bulb
0.99 Poblano Peppers
2.99 White Button Mushrooms
1.49 Shallots
1.99 Bunched Radishes
1.99 Leeks
3.99 Shiitake Mushrooms
0.69 Serrano Peppers
# packaged salads and greens | 7 | 14
3.99 Tender Baby Spinach
3.99 Baby Arugula
4.49 Spring Mix Salad
3.49 Romaine Hearts
4.99 Caesar Salad Kit
4.49 Chopped Kale Salad Kit
2.99 Curly Green Kale
3.79 Butter Lettuce
2.99 Rainbow Chard
# packaged vegetables | 9 | 12
3.49 Sweet Grape Tomatoes
1.99 Peeled Baby Carrots
2.99 Organic Rainbow Carrots
3.29 Sugar Snap Peas
4.29 Mini Sweet Peppers
3.99 Cocktail Tomatoes on the Vine
3.79 Stir Fry Vegetable Kit
3.49 Broccoli Slaw
4.49 Butternut Squash Cubes
3.99 Persian Cucumbers, Six Pack
# fresh herbs | 9 | 5
1.29 Cilantro, Large Bunch
1.49 Flat Leaf Parsley
2.49 Fresh Basil
2.29 Fresh Mint
2.29 Fresh Rosemary
2.29 Fresh Dill
2.29 Fresh Thyme
# cut fruit | 8 | 3
5.99 Fresh Cut Pineapple Spears
5.99 Melon Medley
4.99 Apple Slices, Snack Packs

[alcohol | 0.6]
# beers and coolers | 14 | 36
9.99 Hazy Pale Ale
8.99 Golden Lager
10.49 Citrus Wheat Beer
9.49 Dry Hard Cider
# red wines | 18 | 24
12.99 Coastal Pinot Noir
10.99 Cabernet Sauvignon Reserve
11.49 Old Vine Zinfandel
# white wines | 18 | 24
11.99 Sauvignon Blanc
12.49 Unoaked Chardonnay
10.99 Pinot Grigio
# sparkling wines | 30 | 10
13.99 Prosecco, Extra Dry
12.99 Sparkling Rosé
# spirits | 40 | 6
21.99 Small Batch Bourbon
18.99 Silver Tequila
17.99 Juniper Dry Gin

[international | 1.1]
# asian foods | 25 | 44
3.99 Low Sodium Soy Sauce
2.99 Toasted Seaweed Snacks
3.49 Coconut Milk, Unsweetened
2.79 Brown Rice Ramen
4.29 Sriracha Style Chili Sauce
4.49 Red Curry Paste
# latin foods | 25 | 32
2.99 Red Enchilada Sauce
1.79 Pickled Jalapeño Slices
3.49 Mole Poblano Sauce
2.49 Adobo Seasoning
2.29 Chipotle Peppers in Adobo
# indian foods | 28 | 14
3.99 Tikka Masala Simmer Sauce
3.49 Chana Masala, Ready to Eat
4.29 Mango Chutney
# european foods | 30 | 6
3.49 Sauerkraut with Caraway
4.49 Lingonberry Preserves
# kosher foods | 30 | 4
3.99 Lightly Salted Matzo
4.49 Matzo Ball Mix

[beverages | 8.4]
# water and sparkling water | 9 | 40
3.99 Lime Sparkling Water
3.99 Grapefruit Sparkling Water
4.49 Natural Spring Water
3.99 Plain Sparkling Water
4.99 Artesian Still Water
3.99 Black Cherry Sparkling Water
3.79 Club Soda
4.29 Coconut Water, No Added Sugar
# juice and nectars | 11 | 22
4.49 Pulp Free Orange Juice
3.99 Pressed Apple Juice
4.29 Cranberry Juice Blend
4.49 Ruby Grapefruit Juice
3.49 Fresh Squeezed Lemonade
4.99 Cold Pressed Green Juice
4.79 Carrot Ginger Juice
5.49 Tart Cherry Juice
# coffee | 20 | 12
9.99 Breakfast Blend Ground Coffee
10.99 Dark Roast Whole Bean Coffee
8.99 Medium Roast Coffee Pods
4.49 Cold Brew Coffee Concentrate
8.99 Vanilla Hazelnut Ground Coffee
9.49 Decaf House Blend Coffee
# tea | 28 | 8
3.99 Peppermint Herbal Tea
3.99 Jasmine Green Tea
4.49 English Breakfast Tea
4.29 Chamomile Honey Tea
3.49 Unsweetened Iced Tea
# soft drinks | 12 | 12
4.99 Ginger Ale
5.49 Cane Sugar Cola
4.99 Diet Cola
5.49 Craft Root Beer
4.99 Orange Cream Soda
# energy and sports drinks | 12 | 4
2.49 Lemon Lime Sports Drink
2.99 Berry Electrolyte Drink
3.29 Green Tea Energy Drink
# cocoa and drink mixes | 35 | 2
4.29 Dark Hot Cocoa Mix
3.49 Pink Lemonade Drink Mix

[pets | 0.5]
# dog food and treats | 18 | 50
18.99 Chicken and Brown Rice Dog Food
2.49 Beef Stew Wet Dog Food
5.99 Peanut Butter Dog Biscuits
6.49 Sweet Potato Dog Chews
# cat food and litter | 16 | 50
14.99 Salmon and Pea Cat Food
1.29 Ocean Whitefish Cat Pâté
9.99 Clumping Cat Litter
3.49 Crunchy Tuna Cat Treats

[dry goods pasta | 2.8]
# dry pasta | 20 | 40
1.79 Bronze Cut Spaghetti
1.79 Penne Rigate
2.29 Whole Wheat Rotini
1.99 Elbow Macaroni
2.99 Red Lentil Fusilli
2.29 Farfalle
2.49 Orzo
# pasta sauce | 20 | 28
3.99 Tomato Basil Marinara
4.49 Roasted Garlic Pasta Sauce
4.29 Creamy Alfredo Sauce
5.49 Arrabbiata Sauce
5.99 Basil Pesto
# rice and grains | 28 | 20
3.99 Basmati Rice
4.49 Tri Color Quinoa
3.49 Jasmine Rice
2.99 Long Grain Brown Rice
3.29 Pearled Couscous
3.79 Arborio Rice
# fresh pasta | 18 | 8
5.49 Four Cheese Ravioli
5.49 Spinach Tortellini
4.99 Potato Gnocchi
# boxed dinners | 20 | 4
2.29 White Cheddar Shells
2.99 Spanish Style Rice

[bulk | 0.2]
# bulk grains and beans | 35 | 50
2.99 Bulk Rolled Oats
2.49 Bulk Black Beans
3.49 Bulk Red Lentils
# bulk nuts and dried fruit | 25 | 50
6.99 Bulk Raw Almonds
4.99 Bulk Medjool Dates
5.49 Bulk Dried Apricots

[personal care | 1.5]
# oral care | 45 | 20
3.99 Fresh Mint Whitening Toothpaste
4.49 Soft Bristle Toothbrushes
4.99 Alcohol Free Mouthwash
2.99 Waxed Dental Floss
# soap | 35 | 18
3.49 Lavender Hand Soap
4.49 Shea Butter Bar Soap
5.99 Oat Milk Body Wash
# hair care | 45 | 14
6.99 Daily Moisture Shampoo
6.99 Argan Oil Conditioner
4.49 Strong Hold Hair Gel
# vitamins and supplements | 45 | 14
9.99 Daily Multivitamin Gummies
12.99 Omega Fish Oil Softgels
8.49 Vitamin D Tablets
# protein and meal shakes | 18 | 10
2.99 Chocolate Protein Shake
21.99 Vanilla Whey Protein Powder
# deodorants | 50 | 6
5.99 Unscented Natural Deodorant
4.99 Fresh Linen Antiperspirant
# skin care | 50 | 6
7.99 Daily Facial Moisturizer
6.49 Gentle Foaming Cleanser
2.49 Beeswax Lip Balm
8.99 Mineral Sunscreen Lotion
# feminine care | 30 | 5
6.49 Ultra Thin Pads with Wings
5.99 Organic Cotton Tampons
# first aid | 70 | 3
3.99 Flexible Fabric Bandages
4.49 Antiseptic Ointment
# cold and allergy | 60 | 3
3.99 Honey Lemon Cough Drops
9.49 Daytime Cold Relief Caplets
# shaving | 55 | 1
8.99 Five Blade Razor Refills
3.49 Sensitive Skin Shave Cream

[meat seafood | 2.6]
# poultry | 11 | 36
7.99 Boneless Skinless Chicken Breasts
6.49 Boneless Chicken Thighs
5.99 Lean Ground Turkey
7.49 Chicken Tenderloins
8.99 Whole Young Chicken
5.49 Chicken Drumsticks
# beef and pork | 13 | 26
6.99 Grass Fed Ground Beef
11.99 New York Strip Steak
7.49 Beef Stew Meat
6.99 Center Cut Pork Chops
8.49 Pork Tenderloin
# bacon and sausage | 14 | 18
6.49 Applewood Smoked Bacon
5.49 Sweet Italian Chicken Sausage
4.99 Uncured Beef Franks
5.29 Maple Breakfast Sausage Links
# fresh seafood | 14 | 12
10.99 Atlantic Salmon Fillet
9.49 Wild Caught Cod Fillets
8.99 Sea Scallops
# packaged seafood | 22 | 8
9.99 Peeled and Deveined Shrimp
6.99 Cold Smoked Salmon

[pantry | 6.0]
# oils and vinegars | 40 | 14
9.99 Extra Virgin Olive Oil
4.99 Cold Pressed Avocado Oil
3.99 Apple Cider Vinegar
4.49 Barrel Aged Balsamic Vinegar
7.49 Unrefined Coconut Oil
# spices and seasonings | 50 | 16
2.99 Ground Cinnamon
3.49 Smoked Paprika
3.29 Whole Black Peppercorns
2.79 Fine Sea Salt
3.29 Garlic Powder
3.49 Ground Cumin
2.99 Herbes de Provence
2.79 Dried Oregano
3.29 Chili Powder
# baking ingredients | 40 | 20
3.99 Unbleached All Purpose Flour
2.99 Granulated Cane Sugar
3.79 Semisweet Chocolate Chips
2.99 Light Brown Sugar
2.49 Baking Soda
6.99 Pure Vanilla Extract
7.99 Blanched Almond Flour
# spreads | 25 | 16
4.49 Creamy Peanut Butter
7.99 Smooth Almond Butter
3.99 Strawberry Fruit Spread
4.49 Hazelnut Cocoa Spread
4.29 Crunchy Peanut Butter
# honey and syrups | 38 | 8
6.49 Raw Wildflower Honey
8.99 Grade A Amber Maple Syrup
4.99 Light Agave Nectar
# condiments | 40 | 12
2.99 Tomato Ketchup
3.79 Stone Ground Dijon Mustard
4.49 Real Egg Mayonnaise
3.99 Bread and Butter Pickle Relish
3.49 Smoky Barbecue Sauce
# salad dressings | 25 | 8
3.99 Buttermilk Ranch Dressing
4.29 Balsamic Vinaigrette
3.99 Creamy Caesar Dressing
2.99 Seasoned Croutons
# pickles and olives | 28 | 8
3.99 Kosher Dill Pickle Spears
4.49 Pitted Kalamata Olives
3.49 Capers in Brine
4.79 Castelvetrano Olives
# baking mixes | 40 | 4
3.49 Fudge Brownie Mix
2.99 Yellow Cake Mix
3.49 Honey Cornbread Mix
# marinades | 35 | 3
3.49 Teriyaki Marinade
2.29 Taco Seasoning Mix
# baking decorations | 60 | 1
2.99 Rainbow Sprinkles
2.49 Birthday Candles

[breakfast | 2.5]
# cereal | 14 | 50
4.49 Honey Toasted Oat Rings
4.29 Crunchy Raisin Bran
4.99 Cinnamon Crunch Squares
4.49 Puffed Corn and Rice Cereal
4.99 Maple Shredded Wheat
4.79 Cocoa Crisp Rice
5.29 Whole Grain Flakes with Almonds
4.79 Honey Nut Oat Clusters
# granola | 15 | 18
5.49 Almond Honey Granola
5.99 Pumpkin Seed Granola
5.49 Coconut Cashew Granola
# hot cereal and pancake mixes | 22 | 24
3.99 Old Fashioned Rolled Oats
4.49 Maple Brown Sugar Oatmeal
4.29 Buttermilk Pancake Mix
4.99 Steel Cut Oats
# breakfast bars and pastries | 14 | 8
3.49 Strawberry Toaster Pastries
3.99 Soft Baked Blueberry Bars

[canned goods | 3.3]
# canned vegetables | 22 | 34
1.49 Fire Roasted Diced Tomatoes
1.29 Tomato Paste
1.79 Crushed San Marzano Style Tomatoes
1.19 Sweet Corn Kernels
3.49 Roasted Red Peppers
3.29 Quartered Artichoke Hearts
1.59 Pure Pumpkin Purée
# canned beans | 20 | 26
1.19 Black Beans, No Salt Added
1.29 Garbanzo Beans
1.19 Dark Red Kidney Beans
1.49 Vegetarian Refried Beans
1.29 Cannellini Beans
# soups and broths | 20 | 26
2.99 Low Sodium Chicken Broth
2.79 Vegetable Broth
3.49 Creamy Tomato Soup
2.99 Lentil Vegetable Soup
3.49 Minestrone Soup
3.29 Chicken Noodle Soup
4.99 Beef Bone Broth
# canned fish and meat | 24 | 10
1.99 Solid White Albacore in Water
2.49 Sardines in Olive Oil
3.99 Wild Pink Salmon
# canned fruit and applesauce | 22 | 4
2.99 Unsweetened Applesauce Cups
1.99 Pineapple Tidbits in Juice
2.29 Sliced Cling Peaches

[dairy eggs | 16.5]
# milk | 7 | 24
3.99 Organic Whole Milk, Half Gallon
3.79 Reduced Fat Milk, Half Gallon
3.79 Fat Free Skim Milk
4.49 Lactose Free Whole Milk
3.99 Low Fat Chocolate Milk
4.29 Cultured Buttermilk
# plant milks | 9 | 16
3.99 Unsweetened Almond Milk
4.49 Barista Oat Milk
3.79 Vanilla Soy Milk
3.99 Coconut Milk Drink
3.99 Vanilla Almond Milk
4.49 Unsweetened Cashew Milk
# eggs | 9 | 10
4.99 Cage Free Large Brown Eggs
3.99 Large White Eggs
6.49 Pasture Raised Eggs
4.49 Liquid Egg Whites
# yogurt | 8 | 24
1.29 Creamy Vanilla Yogurt
1.49 Plain Greek Yogurt
1.49 Strawberry Greek Yogurt
1.49 Blueberry Low Fat Yogurt
5.49 Whole Milk Plain Yogurt
1.59 Honey Greek Yogurt
1.79 Peach Icelandic Style Skyr
4.49 Strawberry Banana Yogurt Pouches
3.99 Plain Whole Milk Kefir
1.69 Coconut Yogurt Alternative
1.49 Black Cherry Yogurt
1.49 Key Lime Yogurt
1.69 Raspberry Greek Yogurt
5.29 Low Fat Vanilla Yogurt, Large Tub
# packaged cheese | 12 | 14
4.49 Sharp Cheddar Block
3.99 Shredded Mozzarella
4.29 Shredded Mexican Style Blend
3.99 Mozzarella String Cheese
4.49 Sliced Provolone
4.99 Pepper Jack Slices
4.49 Baby Swiss Slices
4.79 Monterey Jack Block
3.99 Colby Jack Cheese Cubes
3.49 Mild Cheddar Snack Sticks
# specialty cheese | 16 | 6
6.99 Aged Parmesan Wedge
4.99 Crumbled Feta
5.49 Fresh Goat Cheese Log
6.49 Double Crème Brie
5.49 Fresh Mozzarella Ball
6.99 Smoked Gouda
6.49 Manchego Wedge
5.99 Shaved Asiago
# butter | 16 | 6
4.99 Unsalted Sweet Cream Butter
4.99 Salted Butter Sticks
5.49 Spreadable Butter with Canola Oil
4.49 Plant Based Buttery Spread
# cream and creamers | 11 | 7
2.49 Half and Half
3.49 Heavy Whipping Cream
4.29 French Vanilla Creamer
4.49 Hazelnut Oat Creamer
3.49 Sweetened Whipped Cream
# sour cream and soft cheeses | 14 | 6
2.49 Original Sour Cream
2.99 Whipped Cream Cheese
3.49 Small Curd Cottage Cheese
3.99 Whole Milk Ricotta
3.29 Crème Fraîche
# puddings and chilled desserts | 16 | 1
3.49 Chocolate Pudding Cups
4.49 Vanilla Bean Rice Pudding

[household | 2.5]
# paper goods | 26 | 38
8.99 Soft Bath Tissue, Twelve Rolls
7.99 Half Sheet Paper Towels
3.49 Everyday Two Ply Napkins
2.49 Lotion Facial Tissues
6.49 Recycled Paper Towels
# laundry | 42 | 16
11.99 Fragrance Free Laundry Detergent
5.99 Lavender Dryer Sheets
6.99 Oxygen Stain Remover
7.49 Spring Meadow Fabric Softener
# dish care | 35 | 16
3.49 Citrus Dish Soap
9.99 Dishwasher Detergent Packs
3.29 Non Scratch Scrub Sponges
# cleaning | 45 | 12
4.49 Lemon All Purpose Cleaner
4.99 Disinfecting Wipes
3.99 Streak Free Glass Cleaner
3.99 Toilet Bowl Cleaner
# trash bags | 45 | 7
8.99 Drawstring Kitchen Trash Bags
5.99 Compostable Food Scrap Bags
# food storage | 45 | 7
4.49 Quart Freezer Zip Bags
3.99 Heavy Duty Aluminum Foil
3.49 Parchment Paper Roll
2.99 Clear Plastic Wrap
# cups and plates | 40 | 2
4.99 Compostable Dinner Plates
3.99 Paper Party Cups
# candles and air fresheners | 60 | 1
6.99 Vanilla Soy Candle
4.49 Eucalyptus Room Spray
# kitchen supplies | 90 | 1
2.49 Wooden Skewers
5.99 Silicone Spatula

[babies | 1.2]
# baby food | 7 | 60
1.79 Apple Banana Oat Baby Food Pouch
1.79 Pear and Spinach Baby Food Pouch
1.79 Sweet Potato Baby Food Purée
2.99 Banana Puffs Baby Snack
3.99 Whole Grain Infant Oatmeal
# baby formula | 10 | 6
27.99 Gentle Infant Formula
# diapers and wipes | 14 | 30
22.99 Overnight Diapers, Size Four
3.99 Fragrance Free Baby Wipes
21.99 Newborn Diapers
# baby bath | 45 | 4
5.49 Tear Free Baby Wash
5.99 Calming Baby Lotion

[snacks | 9.0]
# chips and pretzels | 12 | 28
3.99 Sea Salt Kettle Chips
3.79 Blue Corn Tortilla Chips
3.99 Restaurant Style Tortilla Chips
3.49 Mini Pretzel Twists
4.29 Sea Salt and Vinegar Chips
3.99 Baked Cheese Puffs
4.29 Jalapeño Kettle Chips
4.49 Multigrain Pita Chips
4.49 Rainbow Root Vegetable Chips
3.99 Sour Cream and Onion Chips
4.29 Sweet Potato Chips
# crackers | 14 | 14
3.79 Woven Wheat Crackers
3.49 Cheddar Baked Crackers
4.49 Almond Flour Sea Salt Crackers
3.49 Buttery Round Crackers
4.29 Rosemary Flatbread Crisps
2.99 Oyster Crackers
# snack bars | 11 | 16
5.99 Dark Chocolate Nut Bars
4.99 Oats and Honey Granola Bars
4.99 Chewy Peanut Butter Bars
6.49 Cherry Almond Fruit Bars
2.29 Coconut Cashew Protein Bar
2.49 Lemon Almond Protein Bar
# fruit and vegetable snacks | 11 | 10
3.99 Mixed Berry Fruit Snacks
3.49 Cinnamon Apple Sauce Pouches
2.99 Freeze Dried Strawberries
3.49 Mango Fruit Leather
# nuts and dried fruit | 16 | 12
7.99 Roasted Salted Almonds
7.49 Dry Roasted Pistachios
6.99 Cashew Halves and Pieces
6.49 Raw Walnut Halves
4.49 Dried Cranberries, Unsweetened
4.99 Dried Mango Slices
3.49 Sun Dried Raisins
# trail mix | 16 | 3
5.99 Mountain Trail Mix
6.49 Tropical Fruit and Nut Mix
# cookies | 14 | 9
3.99 Chocolate Chip Cookies
3.79 Honey Graham Squares
4.29 Thin Ginger Snaps
3.99 Vanilla Sandwich Cookies
3.99 Fig Filled Bars
4.49 Oatmeal Raisin Cookies
# chocolate and candy | 18 | 6
2.99 Dark Chocolate Bar with Sea Salt
3.99 Milk Chocolate Peanut Butter Cups
2.99 Fruity Gummy Bears
4.49 Chocolate Covered Almonds
3.29 Chewy Caramels
# popcorn and jerky | 14 | 8
3.49 White Cheddar Popcorn
3.29 Lightly Salted Popcorn
5.99 Peppered Beef Jerky
3.99 Butter Microwave Popcorn
# gum and mints | 25 | 1
1.99 Spearmint Sugar Free Gum
2.49 Cool Peppermints

[deli | 3.4]
# dips and hummus | 9 | 34
3.99 Classic Hummus
3.99 Roasted Red Pepper Hummus
4.49 Fresh Pico de Gallo
4.99 Chunky Guacamole
4.49 Olive Tapenade
4.29 Spinach Artichoke Dip
3.99 Tzatziki
# lunch meat | 10 | 30
5.49 Oven Roasted Turkey Breast
5.49 Black Forest Style Ham
5.99 Smoked Turkey Breast
6.49 Uncured Genoa Salami
5.99 Prosciutto, Thinly Sliced
# tofu and meat alternatives | 12 | 18
2.49 Extra Firm Tofu
3.49 Organic Tempeh
2.99 Baked Teriyaki Tofu
4.49 Plant Based Deli Slices
# prepared meals | 10 | 12
7.99 Rotisserie Style Chicken
6.49 Chicken Caesar Wrap
7.49 Vegetable Sushi Roll
8.49 Chicken Pot Pie
# prepared soups and salads | 10 | 6
5.49 Butternut Squash Soup
4.99 Red Skin Potato Salad
4.49 Creamy Coleslaw
5.29 Tabbouleh

[missing | 0.3]
# missing | 30 | 10
4.99 Assorted Seasonal Item
6.99 Holiday Sampler Box
5.49 Local Farm Special
3.99 Manager's Choice
"""
