from fairseq2.recipe.cli import main

from train.translation_recipe import TranslationRecipe

main(TranslationRecipe())
